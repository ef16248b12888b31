// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data to be sent to a client.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// Maximum number of pieces per system call.
const PIECES: usize = 128;

/// Lines to be sent. Only the first may have been sent in part.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pieces: VecDeque<Bytes>,
    /// Their size in bytes.
    size: usize,
    /// Whether the writer may have buffered data.
    unflushed: bool,
}

impl Outgoing {
    /// Adds whole lines.
    pub(super) fn push(&mut self, lines: Bytes) {
        if !lines.is_empty() {
            self.size += lines.len();
            self.pieces.push_back(lines);
        }
    }

    /// Whether everything is sent.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && !self.unflushed
    }

    /// The number of unsent bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Sends everything. Dropping the future loses no data.
    ///
    /// # Errors
    ///
    /// The connection failed.
    pub(super) async fn send(&mut self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.pieces.len() > 1 && !writer.is_write_vectored() {
            let together: Vec<u8> = self.pieces.drain(..).flatten().collect();
            self.pieces.push_back(together.into());
        }
        while !self.pieces.is_empty() {
            let written = poll_fn(|context| {
                let writer = Pin::new(&mut *writer);
                if let [piece] = self.pieces.as_slices().0 {
                    if self.pieces.len() == 1 {
                        return writer.poll_write(context, piece);
                    }
                }
                let mut slices = [IoSlice::new(&[]); PIECES];
                let count = self.pieces.iter().zip(&mut slices);
                let count = count
                    .map(|(piece, slice)| *slice = IoSlice::new(piece))
                    .count();
                writer.poll_write_vectored(context, &slices[..count])
            })
            .await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.unflushed = true;
            self.sent(written);
        }
        writer.flush().await?;
        self.unflushed = false;
        Ok(())
    }

    fn sent(&mut self, mut count: usize) {
        self.size -= count;
        while let Some(piece) = self.pieces.front_mut() {
            if count < piece.len() {
                piece.advance(count);
                return;
            }
            count -= piece.len();
            self.pieces.pop_front();
        }
    }
}
