// SPDX-License-Identifier: GPL-2.0-only

//! The level of a GPIO line, as far as an interrupt handler can know it.

use crate::abstractions::gpio::Input;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
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
/// After `n` edges it is `n` plus `offset`, modulo 2; each level that was read mends `offset`.
pub(crate) struct Level {
    input: Arc<Input>,
    /// The level after each edge, where there are interrupts for one kind of edge alone.
    known: Option<bool>,
    /// A [`By`].
    by: Atomic<u32>,
    /// How many edges there were. Written by the interrupt handler alone, which does not run twice
    /// at a time.
    edges: Atomic<u32>,
    /// Written by [`settle`](Self::settle), and then by the interrupt handler.
    offset: Atomic<u32>,
}

impl Level {
    /// The level of `input`, of which nothing is known yet but what it is after each edge, if that
    /// is always the same.
    pub(crate) fn new(input: Arc<Input>, known: Option<bool>) -> Self {
        Self {
            input,
            known,
            by: Atomic::new(By::Nothing as u32),
            edges: Atomic::new(0),
            offset: Atomic::new(0),
        }
    }

    /// Finds out the first level, while edges may already come. May sleep.
    pub(crate) fn settle(&self) -> Result<bool> {
        let mut level = self.input.level_may_sleep()?;
        if self.input.can_sleep() && self.known.is_none() {
            for _ in 0..ATTEMPTS {
                let (edges, before) = (self.edges.load(Relaxed), level);
                fsleep(SETTLED);
                level = self.input.level_may_sleep()?;
                if level == before && self.edges.load(Relaxed) == edges {
                    break;
                }
            }
        }
        self.mend(self.edges.load(Relaxed), level);
        Ok(level)
    }

    /// Has [`after_edge`](Self::after_edge) answer from now on. `in_thread` says where it is called.
    pub(crate) fn begin(&self, in_thread: bool) {
        let by = match (self.input.can_sleep(), in_thread) {
            (false, _) => By::Reading,
            (true, true) => By::ReadingInThread,
            (true, false) => By::Counting,
        };
        self.by.store(by as u32, Release);
    }

    /// To be called by the interrupt handler: the level after this edge, `None` before
    /// [`begin`](Self::begin).
    pub(crate) fn after_edge(&self) -> Option<bool> {
        if self.known.is_some() {
            return self.known;
        }
        let edges = self.edges.load(Relaxed).wrapping_add(1);
        self.edges.store(edges, Relaxed);

        let by = self.by.load(Acquire);
        let read = if by == By::Counting as u32 {
            None
        } else if by == By::Reading as u32 {
            self.input.level().ok()
        } else if by == By::ReadingInThread as u32 {
            self.input.level_may_sleep().ok()
        } else {
            return None;
        };
        if let Some(level) = read {
            self.mend(edges, level);
        }
        Some(self.counted(edges))
    }

    /// The level now, or after the last edge where asking the chip would sleep.
    pub(crate) fn now(&self) -> bool {
        let read = if self.input.can_sleep() {
            None
        } else {
            self.input.level().ok()
        };
        read.unwrap_or_else(|| self.counted(self.edges.load(Relaxed)))
    }

    fn mend(&self, edges: u32, level: bool) {
        self.offset.store(edges ^ u32::from(level), Relaxed);
    }

    fn counted(&self, edges: u32) -> bool {
        (edges ^ self.offset.load(Relaxed)) & 1 != 0
    }
}
