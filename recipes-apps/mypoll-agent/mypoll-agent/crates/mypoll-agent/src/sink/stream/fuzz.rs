// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entry points for `fuzz/`: splitting a client's bytes into lines, and parsing the first one.

use std::{
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, ReadBuf};

use super::{
    input::{Input, Lines},
    session,
};

pub use super::input::LONGEST;

/// Delivers bytes in pieces of a given size.
struct Steps<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl AsyncRead for Steps<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = self.bytes.len().min(self.step).min(buffer.remaining());
        let (now, later) = self.bytes.split_at(count);
        buffer.put_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(()))
    }
}

/// The lines of `bytes` up to the first that is too long, read in pieces of `step`.
///
/// # Panics
///
/// An invariant of the session is violated.
pub fn lines(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
    let mut lines = Lines::new(Steps { bytes, step });
    let mut found = Vec::new();
    loop {
        let next = pin!(lines.next()).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Ok(input)) = next else {
            panic!("all bytes are there");
        };
        match input {
            Input::Line(line) => {
                assert!(!line.is_empty() && !line.contains(&b'\n'));
                found.push(line);
            }
            Input::Part => assert!(lines.begun().len() <= LONGEST),
            Input::TooLong => return found,
            Input::End => {
                assert!(lines.is_done());
                return found;
            }
        }
    }
}

/// Parses a line as a client's first.
///
/// # Errors
///
/// The error message to the client.
pub fn first(line: &[u8]) -> Result<(), String> {
    session::take_first(line)
}
