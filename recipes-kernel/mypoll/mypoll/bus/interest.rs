// SPDX-License-Identifier: GPL-2.0-only

//! Which sinks want the events of a source and a line: other sinks cost nothing.

use crate::{
    event::{
        Event,
        Kind,
        Source, //
    },
    queue::settings::Settings,
    uapi::LINES_MAX, //
};
use kernel::prelude::*;

/// Rows of [`Interest`], followed by those of the lines.
const MANUAL: usize = 0;
const TIMER: usize = 1;
const EVERY_LINE: usize = 2;
const LINES: usize = 3;

/// A bit for each slot in each row.
pub(super) struct Interest {
    /// The number of words per row.
    words: usize,
    rows: KVVec<u64>,
    /// Which slots are in use.
    used: KVec<u64>,
    sinks: usize,
}

impl Interest {
    /// Creates an empty set.
    pub(super) fn new(slots: usize) -> Result<Self> {
        let words = slots.div_ceil(64);
        Ok(Self {
            words,
            rows: KVVec::from_elem(0, (LINES + LINES_MAX) * words, GFP_KERNEL)?,
            used: KVec::from_elem(0, words, GFP_KERNEL)?,
            sinks: 0,
        })
    }

    /// Returns the number of words for the slots.
    #[inline]
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// Returns the number of sinks.
    pub(super) fn sinks(&self) -> usize {
        self.sinks
    }

    /// Returns word `word` of the slots whose sinks want the source and the line of `event`.
    #[inline]
    pub(super) fn slots(&self, event: &Event, word: usize) -> u64 {
        match event.source {
            Source::Manual => self.row(MANUAL, word),
            Source::Timer => self.row(TIMER, word),
            Source::Gpio => {
                self.row(EVERY_LINE, word) | self.row(LINES + event.line as usize, word)
            }
        }
    }

    #[inline]
    fn row(&self, row: usize, word: usize) -> u64 {
        self.rows
            .get(row * self.words + word)
            .map_or(0, |bits| *bits)
    }

    /// Whether a sink wants software triggers.
    pub(super) fn takes_triggers(&self) -> bool {
        (0..self.words).any(|word| self.row(MANUAL, word) != 0)
    }

    /// Takes the lowest free slot below `slots`.
    pub(super) fn take_slot(&mut self, slots: usize) -> Option<usize> {
        let (word, bits) = self
            .used
            .iter_mut()
            .enumerate()
            .find(|(_, bits)| **bits != u64::MAX)?;
        let bit = bits.trailing_ones() as usize;
        let slot = word * 64 + bit;
        if slot >= slots {
            return None;
        }
        *bits |= 1 << bit;
        self.sinks += 1;
        Some(slot)
    }

    /// Frees a slot, which must not want anything.
    pub(super) fn free_slot(&mut self, slot: usize) {
        self.used[slot / 64] &= !(1 << (slot % 64));
        self.sinks -= 1;
    }

    /// Adds or removes the interest of the sink in `slot`, with `settings`.
    pub(super) fn set(&mut self, slot: usize, settings: &Settings, on: bool) {
        let filter = &settings.filter;
        if settings.takes_trigger() {
            self.set_row(MANUAL, slot, on);
        }
        if filter.takes_source(Source::Timer) && filter.takes_kind(Kind::Tick) {
            self.set_row(TIMER, slot, on);
        }
        if filter.takes_source(Source::Gpio) {
            match filter.lines() {
                None => self.set_row(EVERY_LINE, slot, on),
                Some(lines) => lines.for_each(|line| self.set_row(LINES + line as usize, slot, on)),
            }
        }
    }

    fn set_row(&mut self, row: usize, slot: usize, on: bool) {
        if let Some(bits) = self.rows.get_mut(row * self.words + slot / 64) {
            let bit = 1 << (slot % 64);
            *bits = if on { *bits | bit } else { *bits & !bit };
        }
    }
}
