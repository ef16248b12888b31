// SPDX-License-Identifier: GPL-2.0-only

//! Removed lines that a full queue must still report to its readers: no later event would.
//!
//! This file needs nothing but `core`: it is compiled into the module and, unchanged, into a host
//! crate that tests it.

use crate::uapi::{
    add_line,
    LineSet, //
};

/// A set of line numbers.
#[derive(Default)]
pub(crate) struct Owed {
    lines: LineSet,
    count: u32,
}

impl Owed {
    /// Whether the set is empty.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds `line`, below [`LINES_MAX`](crate::uapi::LINES_MAX).
    pub(crate) fn owe(&mut self, line: u32) {
        self.count += u32::from(add_line(&mut self.lines, line));
    }

    /// Removes and returns the lowest line.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let (index, word) = (0u32..)
            .zip(&mut self.lines)
            .find(|(_, word)| **word != 0)?;
        let line = index * 64 + word.trailing_zeros();
        *word &= *word - 1;
        self.count -= 1;
        Some(line)
    }
}
