// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP, TLS and Unix sockets.

use std::{
    fmt,
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use anyhow::Result;
use rustix::net::sockopt;

use super::Target;

/// The address of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `tcp:HOST:PORT`
    Tcp(String),
    /// `tls:HOST:PORT`
    Tls(String),
    /// `unix:PATH`
    Unix(PathBuf),
}

impl Address {
    /// Parses an address. Without a prefix, HOST:PORT is TCP and a path is a Unix socket.
    ///
    /// # Errors
    ///
    /// The text is not an address.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let host_and_port = |text: &str| {
            let (host, port) = text.rsplit_once(':')?;
            (!host.is_empty() && port.parse::<u16>().is_ok()).then(|| text.to_owned())
        };
        let address = match text.split_once(':') {
            Some(("tcp", rest)) => host_and_port(rest.trim_start_matches("//")).map(Self::Tcp),
            Some(("tls", rest)) => host_and_port(rest.trim_start_matches("//")).map(Self::Tls),
            Some(("unix", path)) if !path.is_empty() => Some(Self::Unix(path.into())),
            _ if text.starts_with('/') => Some(Self::Unix(text.into())),
            _ => host_and_port(text).map(Self::Tcp),
        };
        address.ok_or("expected tcp:HOST:PORT, tls:HOST:PORT or unix:PATH")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Tls(address) => write!(f, "tls:{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Connects by TCP. Like the agent, drops a peer that acknowledges nothing for a minute.
fn tcp(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, Duration::from_secs(30))?;
    sockopt::set_tcp_keepintvl(&stream, Duration::from_secs(10))?;
    sockopt::set_tcp_keepcnt(&stream, 3)?;
    Ok(stream)
}

/// A connection.
pub enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
    #[cfg(feature = "tls")]
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// The connection or the TLS handshake fails.
    pub fn open(address: &Address, target: &Target) -> Result<Self> {
        Ok(match address {
            Address::Tcp(address) => Self::Tcp(tcp(address)?),
            Address::Unix(path) => Self::Unix(UnixStream::connect(path)?),
            #[cfg(feature = "tls")]
            Address::Tls(address) => Self::Tls(Box::new(tls::open(address, target)?)),
            #[cfg(not(feature = "tls"))]
            Address::Tls(_) => {
                let _ = target;
                anyhow::bail!("this mypollctl was built without TLS")
            }
        })
    }

    /// Limits how long a read waits; `None` means no limit.
    ///
    /// # Errors
    ///
    /// The limit is zero.
    pub fn give_up_after(&self, limit: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(limit),
            Self::Unix(stream) => stream.set_read_timeout(limit),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.sock.set_read_timeout(limit),
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}

#[cfg(feature = "tls")]
mod tls {
    use std::{net::TcpStream, path::Path, sync::Arc};

    use anyhow::{Context as _, Result};
    use rustls::{
        ClientConfig, ClientConnection, RootCertStore, StreamOwned,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    };

    use crate::remote::Target;

    pub(super) fn open(
        address: &str,
        target: &Target,
    ) -> Result<StreamOwned<ClientConnection, TcpStream>> {
        let ca = target
            .ca
            .as_deref()
            .context("--ca is missing: it names the CA certificates that verify the agent")?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates(ca)? {
            roots
                .add(certificate)
                .with_context(|| ca.display().to_string())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match (&target.certificate, &target.key) {
            (Some(certificate), Some(key)) => {
                let read = PrivateKeyDer::from_pem_file(key);
                let private =
                    read.with_context(|| format!("{}: no private key in PEM", key.display()))?;
                config.with_client_auth_cert(certificates(certificate)?, private)?
            }
            _ => config.with_no_client_auth(),
        };
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
            .with_context(|| format!("{host}: expected a host name or an IP address"))?;
        let connection = ClientConnection::new(Arc::new(config), name)?;
        Ok(StreamOwned::new(connection, super::tcp(address)?))
    }

    fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
        CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .with_context(|| format!("{}: expected certificates in PEM", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_several_forms() {
        for (text, address) in [
            ("tcp:board:7070", Address::Tcp("board:7070".into())),
            ("board:7070", Address::Tcp("board:7070".into())),
            ("tcp://[::1]:7070", Address::Tcp("[::1]:7070".into())),
            ("tls:10.0.0.1:7071", Address::Tls("10.0.0.1:7071".into())),
            ("unix:/run/x.sock", Address::Unix("/run/x.sock".into())),
            ("/run/x.sock", Address::Unix("/run/x.sock".into())),
        ] {
            assert_eq!(Address::parse(text), Ok(address));
        }
        for text in [
            "",
            "board",
            "tcp:board",
            "tcp::7070",
            "board:x",
            "unix:",
            "board:70700",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
