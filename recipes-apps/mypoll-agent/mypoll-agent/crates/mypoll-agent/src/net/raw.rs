// SPDX-License-Identifier: MIT OR Apache-2.0
//! The unencrypted or encrypted bytes of a connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

use super::{Gate, door::Way, notices::Notice};

/// The first byte of a TLS connection: a record with a handshake.
const TLS: u8 = 22;

/// Carries the bytes on the network.
#[derive(Debug)]
pub(super) struct Raw {
    socket: Socket,
    gate: Gate,
    /// Whether the first byte must start TLS, until that byte arrives.
    first_is_tls: Option<bool>,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The peer uses TLS on a plain listener, or the reverse.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum WrongProtocol {
    #[error("plain text on a TLS listener: use TLS (https:)")]
    Plain,
    #[error("TLS on a plain listener: set `tls` here, or use a plain connection (http:)")]
    Tls,
}

impl Raw {
    pub(super) fn new(socket: Socket, gate: Gate, tls: bool) -> Self {
        Self {
            socket,
            gate,
            first_is_tls: Some(tls),
        }
    }
}

impl AsyncRead for Raw {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(
            this.gate
                .ticket()
                .check(Way::In, context, |context| match &mut this.socket {
                    Socket::Tcp(socket) => Pin::new(socket).poll_read(context, buffer),
                    Socket::Unix(socket) => Pin::new(socket).poll_read(context, buffer),
                })
        )?;
        let Some(&first) = buffer.filled().get(before) else {
            return Poll::Ready(Ok(()));
        };
        let problem = match this.first_is_tls.take() {
            Some(true) if first != TLS => WrongProtocol::Plain,
            Some(false) if first == TLS => WrongProtocol::Tls,
            _ => return Poll::Ready(Ok(())),
        };
        this.gate.say(Notice::WrongProtocol, &problem);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, problem)))
    }
}

impl AsyncWrite for Raw {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.gate
            .ticket()
            .check(Way::Out, context, |context| match &mut this.socket {
                Socket::Tcp(socket) => Pin::new(socket).poll_write(context, bytes),
                Socket::Unix(socket) => Pin::new(socket).poll_write(context, bytes),
            })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.gate
            .ticket()
            .check(Way::Out, context, |context| match &mut this.socket {
                Socket::Tcp(socket) => Pin::new(socket).poll_write_vectored(context, bytes),
                Socket::Unix(socket) => Pin::new(socket).poll_write_vectored(context, bytes),
            })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    // Both kinds of sockets write immediately.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Socket::Tcp(socket) => Pin::new(socket).poll_shutdown(context),
            Socket::Unix(socket) => Pin::new(socket).poll_shutdown(context),
        }
    }
}
