// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads a client's data, line by line.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest line, in bytes.
pub const LONGEST: usize = 16 * 1024;

/// Reads lines. Uses no memory between lines.
pub(super) struct Lines<R> {
    reader: R,
    /// Data that was read but not returned.
    buffer: Vec<u8>,
    /// Whether the stream has ended.
    ended: bool,
    /// Whether the end was returned.
    done: bool,
}

/// The result of a read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A non-blank line, without its newline. The end of the stream also ends a line.
    Line(Vec<u8>),
    /// A part of a line that is still incomplete.
    Part,
    /// The current line is longer than [`LONGEST`].
    TooLong,
    /// The end of the stream.
    End,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            ended: false,
            done: false,
        }
    }

    /// Waits for more. Dropping the future loses no data.
    ///
    /// # Errors
    ///
    /// The connection failed.
    pub(super) async fn next(&mut self) -> io::Result<Input> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Input::Line(line));
            }
            if self.ended {
                self.done = true;
                return Ok(Input::End);
            }
            if self.buffer.len() > LONGEST {
                return Ok(Input::TooLong);
            }
            let mut bytes = [0; 512];
            let count = self.reader.read(&mut bytes).await?;
            self.ended = count == 0;
            self.buffer.extend_from_slice(&bytes[..count]);
            if !self.ended && !bytes[..count].contains(&b'\n') && self.buffer.len() <= LONGEST {
                return Ok(Input::Part);
            }
        }
    }

    /// The next line of the buffer; at the end of the stream, the rest.
    fn take(&mut self) -> Option<Vec<u8>> {
        loop {
            let end = match self.buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => end + 1,
                None if self.ended && !self.buffer.is_empty() => self.buffer.len(),
                None => break,
            };
            let line: Vec<u8> = self.buffer.drain(..end).collect();
            if !line.trim_ascii().is_empty() {
                return Some(line.trim_ascii().to_vec());
            }
        }
        if self.buffer.is_empty() {
            self.buffer = Vec::new();
        }
        None
    }

    /// The received part of the current line.
    pub(super) fn begun(&self) -> &[u8] {
        self.buffer.trim_ascii_start()
    }

    /// Whether [`Input::End`] was returned.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Discards data, at most `limit` bytes.
    ///
    /// Closing with unread input resets the connection, and the client may then lose data that it has not read yet.
    ///
    /// # Errors
    ///
    /// The connection failed.
    pub(super) async fn discard(&mut self, limit: u64) -> io::Result<()> {
        if !self.ended {
            let mut rest = (&mut self.reader).take(limit);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
        }
        Ok(())
    }
}
