// SPDX-License-Identifier: MIT OR Apache-2.0
//! Replaces TLS if it is not built in. Its types have no values.

use std::{convert::Infallible, fmt, io};

use anyhow::{Result, bail};

use tokio::net::TcpStream;

use super::{Address, ClientTls, Tls, raw::Raw};

#[derive(Clone, Debug)]
pub(super) struct Acceptor(Infallible);

/// No values: no connection uses TLS.
pub(super) type Stream = Raw;

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "as where TLS is built in")]
pub(super) enum Validity {
    Valid,
    NotYet {},
    Ends {},
    Ended {},
}

impl Acceptor {
    pub(super) fn read(_: &Tls) -> Result<Self> {
        bail!("this build of the agent lacks `tls`")
    }

    pub(super) async fn accept(&self, _: Raw, _: usize) -> io::Result<Stream> {
        match self.0 {}
    }

    pub(super) fn validity(&self) -> Validity {
        match self.0 {}
    }

    pub(super) fn has_same_certificate(&self, _: &Self) -> bool {
        match self.0 {}
    }

    pub(super) fn has_same_issuers(&self, _: &Self) -> bool {
        match self.0 {}
    }
}

pub(super) struct Connector(Infallible);

impl Connector {
    pub(super) fn read(_: &ClientTls, _: &Address) -> Result<Self> {
        bail!("this build of the agent lacks `tls`")
    }

    pub(super) async fn connect(&self, _: TcpStream) -> io::Result<TcpStream> {
        match self.0 {}
    }

    pub(super) fn explain(&self, _: &io::Error) -> String {
        match self.0 {}
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is valid")
    }
}
