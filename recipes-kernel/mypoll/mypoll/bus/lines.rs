// SPDX-License-Identifier: GPL-2.0-only

//! The state of each GPIO line by its events: their number, and its level.

use crate::{
    event::{
        Event,
        Kind, //
    },
    uapi::{
        LineSet,
        LINES_MAX, //
    },
};
use kernel::prelude::*;

/// The events of a line since it was added.
#[derive(Clone, Copy, Default)]
pub(crate) struct LineAccount {
    /// The number of the newest event.
    pub(crate) sequence: u32,
    /// How many were reported.
    pub(crate) reported: u64,
    /// How many were lost by full private queues, summed over the queues.
    pub(crate) dropped: u64,
}

#[derive(Clone, Copy, Default)]
struct Line {
    account: LineAccount,
    /// When it was last removed, and the number of that event.
    removal: (u64, u32),
}

/// The lines, by number.
pub(super) struct LineAccounts {
    lines: KVVec<Line>,
    present: LineSet,
    active: LineSet,
}

impl LineAccounts {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            lines: KVVec::from_elem(Line::default(), LINES_MAX, GFP_KERNEL)?,
            present: LineSet::default(),
            active: LineSet::default(),
        })
    }

    /// Counts an event of a line, and numbers it.
    #[inline]
    pub(super) fn count(&mut self, event: &mut Event) {
        let number = event.line as usize;
        let Some(line) = self.lines.get_mut(number) else {
            return;
        };
        if event.kind == Kind::Added {
            line.account = LineAccount::default();
        }
        let account = &mut line.account;
        account.sequence = account.sequence.wrapping_add(1);
        account.reported += 1;
        event.line_sequence = account.sequence;

        let bit = 1 << (number % 64);
        let word = number / 64 % self.active.len();
        match event.value {
            0 => self.active[word] &= !bit,
            _ => self.active[word] |= bit,
        }
        match event.kind {
            Kind::Added => self.present[word] |= bit,
            Kind::Removed => {
                self.present[word] &= !bit;
                line.removal = (event.timestamp_ns, account.sequence);
            }
            _ => {}
        }
    }

    /// Counts an event of a line that a full queue lost.
    #[cold]
    pub(super) fn count_dropped(&mut self, number: u32) {
        if let Some(line) = self.lines.get_mut(number as usize) {
            line.account.dropped += 1;
        }
    }

    /// Returns when the line was last removed, and the number of that event.
    pub(super) fn removal(&self, number: u32) -> (u64, u32) {
        self.lines
            .get(number as usize)
            .map_or((0, 0), |line| line.removal)
    }

    /// Returns the counters of a line.
    pub(super) fn get(&self, number: u32) -> LineAccount {
        self.lines
            .get(number as usize)
            .map_or_else(LineAccount::default, |line| line.account)
    }

    /// Returns the existing lines, and the active ones.
    pub(super) fn levels(&self) -> (LineSet, LineSet) {
        (self.present, self.active)
    }
}
