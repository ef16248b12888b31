// SPDX-License-Identifier: GPL-2.0-only

//! Removed lines that a full queue has yet to tell its readers of: no later event would.
//!
//! This file needs nothing but `core`: it is compiled into the module and, unchanged, into a host
//! crate that tests it.

use crate::uapi::LineSet;

/// A set of line numbers.
#[derive(Default)]
pub(crate) struct Owed {
    lines: LineSet,
    count: u32,
}

impl Owed {
    /// Whether nothing is owed.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Notes that the end of `line`, below [`LINES_MAX`](crate::uapi::LINES_MAX), is owed.
    pub(crate) fn owe(&mut self, line: u32) {
        if let Some(word) = self.lines.get_mut(line as usize / 64) {
            let bit = 1 << (line % 64);
            self.count += u32::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// Takes out the lowest line.
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
