// SPDX-License-Identifier: GPL-2.0-only

//! The level of a GPIO line, as far as an interrupt handler can know it.

use crate::abstractions::{
    gpio::Input,
    sync::Word, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::{
        delay::fsleep,
        Delta, //
    },
};

/// How the level after an edge becomes known.
#[derive(Clone, Copy)]
#[repr(u32)]
enum By {
    /// Not at all yet.
    Nothing,
    /// By reading it in the interrupt handler.
    Reading,
    /// By reading it in the interrupt handler, which is a thread.
    ReadingInThread,
    /// By counting: the chip raises hard interrupts, but sleeps when it is asked.
    Counting,
}

/// How long a level must stay before it is believed to belong to the edges that were counted until
/// then: far longer than an interrupt takes to arrive.
const SETTLED: Delta = Delta::from_millis(1);

/// How often a level that keeps changing is looked at before it is taken as it is.
const ATTEMPTS: u32 = 100;

/// A line's level.
///
/// After `n` edges it is `n` plus an offset, modulo 2; each level that was read mends the offset.
pub(crate) struct Level {
    input: Arc<Input>,
    /// The level after each edge, where there are interrupts for one kind of edge alone.
    known: Option<bool>,
    /// How many edges there were. Written by the interrupt handler alone, which does not run twice
    /// at a time.
    edges: Word,
    /// A [`By`] times 2, plus the offset: one word, so that they are seen together. Written by
    /// [`settle`](Self::settle) and [`begin`](Self::begin), and then by the interrupt handler.
    how: Word,
}

impl Level {
    /// The level of `input`, of which nothing is known yet but what it is after each edge, if that
    /// is always the same.
    pub(crate) fn new(input: Arc<Input>, known: Option<bool>) -> Self {
        Self {
            input,
            known,
            edges: Word::new(0),
            how: Word::new(0),
        }
    }

    /// Finds out the first level, while edges may already come. May sleep.
    pub(crate) fn settle(&self) -> Result<bool> {
        // In this order: an edge after the level was read is counted, and seen to be.
        let look = || -> Result<_> {
            let level = self.input.level_may_sleep()?;
            Ok((level, self.edges.load_relaxed()))
        };
        let mut seen = look()?;
        if self.input.can_sleep() && self.known.is_none() {
            for _ in 0..ATTEMPTS {
                let before = seen;
                fsleep(SETTLED);
                seen = look()?;
                if seen == before {
                    break;
                }
            }
        }
        let (level, edges) = seen;
        self.mend(By::Nothing as u32, edges, level);
        Ok(level)
    }

    /// Has [`after_edge`](Self::after_edge) answer from now on. `in_thread` says where it is called.
    pub(crate) fn begin(&self, in_thread: bool) {
        let by = match (self.input.can_sleep(), in_thread) {
            (false, _) => By::Reading,
            (true, true) => By::ReadingInThread,
            (true, false) => By::Counting,
        };
        let offset = self.how.load_relaxed() & 1;
        self.how.store_relaxed((by as u32) << 1 | offset);
    }

    /// To be called by the interrupt handler: the level after this edge, `None` before
    /// [`begin`](Self::begin).
    pub(crate) fn after_edge(&self) -> Option<bool> {
        if self.known.is_some() {
            return self.known.filter(|_| self.has_begun());
        }
        let edges = self.edges.load_relaxed().wrapping_add(1);
        self.edges.store_relaxed(edges);

        let how = self.how.load_relaxed();
        let by = how >> 1;
        let read = if by == By::Counting as u32 {
            None
        } else if by == By::Reading as u32 {
            self.input.level().ok()
        } else if by == By::ReadingInThread as u32 {
            self.input.level_may_sleep().ok()
        } else {
            return None;
        };
        match read {
            Some(level) => self.mend(by, edges, level),
            None => return Some(counted(how, edges)),
        }
        read
    }

    fn has_begun(&self) -> bool {
        self.how.load_relaxed() >> 1 != By::Nothing as u32
    }

    /// The level now, or after the last edge where asking the chip would sleep.
    pub(crate) fn now(&self) -> bool {
        let read = if self.input.can_sleep() {
            None
        } else {
            self.input.level().ok()
        };
        read.unwrap_or_else(|| counted(self.how.load_relaxed(), self.edges.load_relaxed()))
    }

    fn mend(&self, by: u32, edges: u32, level: bool) {
        let offset = (edges ^ u32::from(level)) & 1;
        self.how.store_relaxed(by << 1 | offset);
    }
}

/// The level after so many edges, by the offset in `how`.
fn counted(how: u32, edges: u32) -> bool {
    (edges ^ how) & 1 != 0
}
