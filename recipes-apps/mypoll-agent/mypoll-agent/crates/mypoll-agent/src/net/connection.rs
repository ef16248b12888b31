// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client's connection, of any kind.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Gate, raw::Raw, tls};

/// A client's connection, on which TLS is already established if configured.
#[derive(Debug)]
pub struct Connection {
    /// Carries the bytes.
    pub stream: Stream,
    /// Decides what the client may do.
    pub gate: Gate,
}

/// Carries the bytes of a connection, unencrypted here.
///
/// All operations fail with `ConnectionAborted` after the network layer evicted the client.
#[derive(Debug)]
pub struct Stream(pub(super) Layer);

#[derive(Debug)]
pub(super) enum Layer {
    Plain(Raw),
    Tls(Box<tls::Stream>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Layer::Plain(layer) => Pin::new(layer).poll_read(context, buffer),
            Layer::Tls(layer) => Pin::new(layer).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Layer::Plain(layer) => Pin::new(layer).poll_write(context, bytes),
            Layer::Tls(layer) => Pin::new(layer).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Layer::Plain(layer) => Pin::new(layer).poll_write_vectored(context, bytes),
            Layer::Tls(layer) => Pin::new(layer).poll_write_vectored(context, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Layer::Plain(layer) => layer.is_write_vectored(),
            Layer::Tls(layer) => layer.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Layer::Plain(layer) => Pin::new(layer).poll_flush(context),
            Layer::Tls(layer) => Pin::new(layer).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Layer::Plain(layer) => Pin::new(layer).poll_shutdown(context),
            Layer::Tls(layer) => Pin::new(layer).poll_shutdown(context),
        }
    }
}
