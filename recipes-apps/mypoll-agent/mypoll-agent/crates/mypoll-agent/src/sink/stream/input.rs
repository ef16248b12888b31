// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client sends, line by line.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How long a line may be, in bytes.
pub const LONGEST: usize = 16 * 1024;

/// Reads lines. It needs no memory while none has begun.
pub(super) struct Lines<R> {
    reader: R,
    /// What was read and not given.
    buffer: Vec<u8>,
    /// Whether the stream has ended.
    ended: bool,
    /// Whether that was given.
    done: bool,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A line that is not blank, without its end. The end of the stream ends one, too.
    Line(Vec<u8>),
    /// More of a line whose end is still to come.
    Part,
    /// The line that has begun is longer than [`LONGEST`].
    TooLong,
    /// No more comes.
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

    /// Waits for more. Dropping the future loses nothing.
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

    /// The next line of the buffer; at the end of the stream what is left.
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

    /// What has come of the line that has begun.
    pub(super) fn begun(&self) -> &[u8] {
        self.buffer.trim_ascii_start()
    }

    /// Whether [`Input::End`] was given.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Throws away what comes, `limit` bytes at most.
    ///
    /// Closing with unread input resets the connection, and the client may then lose what it had not read yet.
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
