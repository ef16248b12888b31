// SPDX-License-Identifier: MIT OR Apache-2.0
//! Outgoing connections of sinks, with TLS if configured.

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

/// The system's CA certificates on Debian, Ubuntu and Yocto.
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// `tls = { … }` of an outgoing connection.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct ClientTls {
    /// CA certificates in PEM that verify the server. Default: the system's, in
    /// /etc/ssl/certs/ca-certificates.crt.
    pub ca: PathBuf,
    /// The client certificate. Default: none.
    pub own: Option<Own>,
    /// The expected name in the server's certificate. Default: the host of the address.
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

/// `tls` as written in the configuration.
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

/// Why connecting failed; the message is the same each time for the same reason.
#[derive(Debug, Error)]
pub enum DialError {
    /// The server is unreachable.
    #[error("cannot connect to {address}: {source}")]
    Unreachable {
        /// The server.
        address: Address,
        /// The system's error.
        source: io::Error,
    },
    /// The TLS handshake failed.
    #[error("cannot establish TLS with {address}: {reason}")]
    Tls {
        /// The server.
        address: Address,
        /// The problem, and what is expected.
        reason: String,
    },
    /// Connecting timed out.
    #[error("{address} does not answer within {limit:?}")]
    TimedOut {
        /// The server.
        address: Address,
        /// The time limit.
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
    /// To `address`. Reads certificates and key again for each connection, so that new ones take effect.
    ///
    /// # Errors
    ///
    /// A file is unreadable or invalid; the error names the key.
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
    /// Connecting failed.
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
        // Packets are written whole, and nothing else follows soon.
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

    /// Explains an error of a connection. A server that rejects the client's certificate reports it only after the
    /// handshake.
    pub fn explain(&self, error: &io::Error) -> String {
        match &self.tls {
            Some(tls) => tls.explain(error),
            None => error.to_string(),
        }
    }
}
