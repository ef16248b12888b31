// SPDX-License-Identifier: GPL-2.0-only

//! Text in a fixed-size buffer.
//!
//! This file needs nothing but `core`: it is compiled into the module and, unchanged, into a host
//! crate that tests it.

use core::fmt;

/// Appends text to a buffer; text that does not fit is an error and changes nothing.
pub(crate) struct TextBuffer<'a> {
    buffer: &'a mut [u8],
    used: usize,
}

impl<'a> TextBuffer<'a> {
    /// Starts at the front of `buffer`.
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, used: 0 }
    }

    /// Returns the number of bytes written.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Appends bytes, which need not be UTF-8.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        let end = self.used.checked_add(bytes.len()).ok_or(fmt::Error)?;
        self.buffer
            .get_mut(self.used..end)
            .ok_or(fmt::Error)?
            .copy_from_slice(bytes);
        self.used = end;
        Ok(())
    }

    /// Returns the written text.
    pub(crate) fn text(&self) -> &[u8] {
        &self.buffer[..self.used]
    }
}

impl fmt::Write for TextBuffer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_bytes(text.as_bytes())
    }
}

/// The longest prefix of `text` that fits into an array with a terminating 0, without a partial
/// UTF-8 character at its end.
pub(crate) fn c_array<const SIZE: usize>(text: &[u8]) -> [u8; SIZE] {
    let mut length = text.len().min(SIZE - 1);
    // A byte 10xxxxxx continues a character.
    while length > 0 && text.get(length).is_some_and(|byte| byte >> 6 == 0b10) {
        length -= 1;
    }
    let mut array = [0; SIZE];
    array[..length].copy_from_slice(&text[..length]);
    array
}
