// SPDX-License-Identifier: MIT OR Apache-2.0
//! Relays a stream up to its marker.

use std::io::{ErrorKind, Read, Write};

use super::GuestError;

/// Copies the bytes before `marker` without delay: a byte waits for later ones only if it may belong to the marker.
pub fn relay(mut from: impl Read, to: &mut dyn Write, marker: &[u8]) -> Result<(), GuestError> {
    let mut chunk = vec![0; 64 * 1024];
    let mut held = Vec::new();
    loop {
        let count = match from.read(&mut chunk) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(GuestError::Timeout),
            Err(_) => 0,
        };
        held.extend_from_slice(&chunk[..count]);
        let end = held
            .windows(marker.len())
            .position(|window| window == marker);
        let ready = match end {
            Some(end) => end,
            None if count == 0 => held.len(),
            None => held.len() - possible_start(&held, marker),
        };
        to.write_all(&held[..ready])
            .and_then(|()| to.flush())
            .map_err(GuestError::Output)?;
        if end.is_some() {
            return Ok(());
        }
        if count == 0 {
            return Err(GuestError::Gone);
        }
        held.drain(..ready);
    }
}

/// Number of bytes at the end of `held` that may be the start of `marker`.
fn possible_start(held: &[u8], marker: &[u8]) -> usize {
    (1..marker.len())
        .rev()
        .find(|&length| held.ends_with(&marker[..length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const MARKER: &[u8] = b"abcabd";

    /// Returns one piece per read.
    struct Pieces(Vec<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    fn relayed(pieces: &[&'static [u8]]) -> (Vec<u8>, Result<(), GuestError>) {
        let mut out = Vec::new();
        let result = relay(Pieces(pieces.to_vec()), &mut out, MARKER);
        (out, result)
    }

    #[test]
    fn finds_a_marker_in_pieces_after_a_false_start() {
        let (out, result) = relayed(&[b"x\0abc", b"abc", b"ab", b"d and more"]);
        result.unwrap();
        assert_eq!(out, b"x\0abc");
    }

    #[test]
    fn passes_on_immediately_what_is_not_part_of_the_marker() {
        /// Collects bytes and fails at the first flush.
        struct First(Vec<u8>);

        impl Write for First {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }

        let mut first = First(Vec::new());
        let result = relay(Pieces(vec![b"prompt>ab", b"later"]), &mut first, MARKER);
        assert!(matches!(result, Err(GuestError::Output(_))));
        assert_eq!(first.0, b"prompt>");
    }

    #[test]
    fn a_stream_without_a_marker_is_relayed_with_an_error() {
        let (out, result) = relayed(&[b"half a mark: abcab"]);
        assert!(matches!(result, Err(GuestError::Gone)));
        assert_eq!(out, b"half a mark: abcab");
    }
}
