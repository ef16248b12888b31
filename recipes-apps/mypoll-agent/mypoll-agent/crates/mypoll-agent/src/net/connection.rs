// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection, whatever it is made by.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::Gate;

/// A client's connection, on which TLS is already established where it is configured.
#[derive(Debug)]
pub struct Connection {
    /// Carries the bytes.
    pub stream: Stream,
    /// Says what the client may do.
    pub gate: Gate,
}

/// Carries the bytes of a connection.
#[derive(Debug)]
pub struct Stream(pub(super) TcpStream);

/// Who is at the other end, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A process of this machine: its user and its number.
    Unix {
        /// The user's number.
        user: u32,
        /// The process's number, where it can be told.
        process: Option<i32>,
    },
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix {
                user,
                process: Some(process),
            } => write!(f, "process {process} of user {user}"),
            Self::Unix {
                user,
                process: None,
            } => write!(f, "a process of user {user}"),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
