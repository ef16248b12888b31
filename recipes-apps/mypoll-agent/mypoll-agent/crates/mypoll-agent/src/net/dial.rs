// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connections that a sink makes to a server, with TLS where that is configured.

use std::{io, path::PathBuf, time::Duration};

use serde::Deserialize;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time,
};

use super::{Address, endpoint::keys, tls};
use crate::section::table::Table;

/// Where Debian, Ubuntu and Yocto keep the certificates that the system trusts.
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// `tls = { … }` of a sink that connects.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct ClientTls {
    /// A file of certificates in PEM: the server's has to be issued by one of them. Default: those of the system, in
    /// /etc/ssl/certs/ca-certificates.crt.
    pub ca: PathBuf,
    /// What the server is shown. Default: nothing.
    pub own: Option<Own>,
    /// The name that the server's certificate has to have. Default: the host that is connected to.
    pub server_name: Option<String>,
}

/// A client's certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    /// The file with the certificate in PEM, followed by those of its issuers.
    pub certificate: PathBuf,
    /// The file with its private key in PEM.
    pub key: PathBuf,
}

/// `tls` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    #[serde(default, deserialize_with = "keys::optional_path")]
    ca: Option<PathBuf>,
    #[serde(default, deserialize_with = "keys::optional_path")]
    certificate: Option<PathBuf>,
    #[serde(default, deserialize_with = "keys::optional_path")]
    key: Option<PathBuf>,
    #[serde(default)]
    server_name: Option<String>,
}

impl Default for ClientTls {
    fn default() -> Self {
        Self {
            ca: SYSTEM_CA.into(),
            own: None,
            server_name: None,
        }
    }
}

impl Table for ClientTls {
    const EXPECTED: &str = r#"a table such as { ca = "/etc/mypoll-agent/ca.pem" }"#;
}

impl TryFrom<Keys> for ClientTls {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let own = match (keys.certificate, keys.key) {
            (Some(certificate), Some(key)) => Some(Own { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err("`certificate` is given without `key`, expected both"),
            (None, Some(_)) => return Err("`key` is given without `certificate`, expected both"),
        };
        Ok(Self {
            ca: keys.ca.unwrap_or_else(|| SYSTEM_CA.into()),
            own,
            server_name: keys.server_name,
        })
    }
}

/// Why there is no connection; the sentence is the same each time for the same reason.
#[derive(Debug, Error)]
pub enum DialError {
    /// Nothing listens there, or the way there is closed.
    #[error("cannot connect to {address}: {source}")]
    Unreachable {
        /// Where.
        address: Address,
        /// What the system says.
        source: io::Error,
    },
    /// TLS was not established.
    #[error("cannot establish TLS with {address}: {reason}")]
    Tls {
        /// With whom.
        address: Address,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// It takes too long.
    #[error("{address} does not answer within {limit:?}")]
    TimedOut {
        /// Where.
        address: Address,
        /// How long it may take.
        limit: Duration,
    },
}

/// Carries the bytes of a connection, unencrypted here.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Connects to one server.
pub struct Dialer {
    address: Address,
    tls: Option<tls::Connector>,
}

impl Dialer {
    /// To `address`. Reads certificates and the key: again for each connection, so that new ones are taken.
    ///
    /// # Errors
    ///
    /// A file can't be read, or does not contain what it has to; the error names the key.
    pub fn read(address: &Address, tls: Option<&ClientTls>) -> anyhow::Result<Self> {
        Ok(Self {
            address: address.clone(),
            tls: tls
                .map(|tls| tls::Connector::read(tls, address))
                .transpose()?,
        })
    }

    /// Connects within `limit`, and establishes TLS.
    ///
    /// # Errors
    ///
    /// There is no connection.
    pub async fn connect(&self, limit: Duration) -> Result<Box<dyn Transport>, DialError> {
        let address = || self.address.clone();
        match time::timeout(limit, self.establish()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DialError::TimedOut {
                address: address(),
                limit,
            }),
        }
    }

    async fn establish(&self) -> Result<Box<dyn Transport>, DialError> {
        let address = || self.address.clone();
        let unreachable = |source| DialError::Unreachable {
            address: address(),
            source,
        };
        let stream = match &self.address {
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(unreachable)?;
                return Ok(Box::new(stream));
            }
            Address::Ip(address) => TcpStream::connect(address).await,
            Address::Name(host, port) => TcpStream::connect((host.as_str(), *port)).await,
            Address::Systemd(_) => Err(io::ErrorKind::Unsupported.into()),
        }
        .map_err(unreachable)?;
        // What is written is whole, and waits for nothing.
        stream.set_nodelay(true).map_err(unreachable)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        match tls.connect(stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(DialError::Tls {
                address: address(),
                reason: self.explain(&error),
            }),
        }
    }

    /// What an error of a connection means. A server that refuses the client's certificate says so only when TLS is
    /// established already.
    pub fn explain(&self, error: &io::Error) -> String {
        match &self.tls {
            Some(tls) => tls.explain(error),
            None => error.to_string(),
        }
    }
}
