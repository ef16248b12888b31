// SPDX-License-Identifier: GPL-2.0-only

//! The level of a GPIO line, as far as an interrupt handler can know it.

use crate::kernel_ext::{
    counter::Counter,
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

/// Where the level after an edge is taken from.
#[derive(Clone, Copy)]
#[repr(u32)]
enum LevelSource {
    /// Nowhere: edges are counted only.
    None,
    /// The chip, which is read in the interrupt handler.
    Chip,
    /// The chip, which is read in the interrupt handler, a thread.
    ChipInThread,
    /// The number of edges: the chip raises hard interrupts, but sleeps when it is read.
    Count,
}

/// The parts of [`Level::state`].
const OFFSET: u32 = 1 << 0;
/// No edge was handled since [`Level::activate`].
const UNUSED: u32 = 1 << 1;
const SOURCE_SHIFT: u32 = 2;

/// How long a level must stay before it is believed to belong to the edges that were counted until
/// then: far longer than an interrupt takes to arrive.
const SETTLED: Delta = Delta::from_millis(1);

/// How often a level that keeps changing is read before it is taken as it is.
const ATTEMPTS: u32 = 100;

/// A line's level.
///
/// After `n` edges it is `n` plus an offset, modulo 2; each level that is read corrects the offset.
pub(crate) struct Level {
    input: Arc<Input>,
    /// The level after each edge, where there are interrupts for one kind of edge alone.
    known: Option<bool>,
    /// How many edges there were. Written by the interrupt handler alone.
    edges: Counter,
    /// A [`LevelSource`], [`UNUSED`] and the offset: one word, so that they are seen together.
    /// Written by [`settle`](Self::settle) and [`activate`](Self::activate), and then by the
    /// interrupt handler alone.
    state: Word,
}

impl Level {
    /// Creates the level of `input`, of which nothing is known yet but the level after each edge, if
    /// that is always the same.
    pub(crate) fn new(input: Arc<Input>, known: Option<bool>) -> Self {
        Self {
            input,
            known,
            edges: Counter::new(),
            state: Word::new(0),
        }
    }

    /// Returns how many edges there were.
    pub(crate) fn edges(&self) -> u64 {
        self.edges.get()
    }

    /// Determines the first level, while edges may already come. May sleep.
    pub(crate) fn settle(&self) -> Result<bool> {
        // In this order, so that an edge after the level was read changes the count.
        let look = || -> Result<_> {
            let level = self.input.level_may_sleep()?;
            Ok((level, self.edges.get()))
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
        self.state
            .store_relaxed(state(LevelSource::None as u32, edges, level));
        Ok(level)
    }

    /// Makes [`after_edge`](Self::after_edge) return levels. `in_thread` says where it is called.
    pub(crate) fn activate(&self, in_thread: bool) {
        let source = match (self.input.can_sleep(), in_thread) {
            (false, _) => LevelSource::Chip,
            (true, true) => LevelSource::ChipInThread,
            (true, false) => LevelSource::Count,
        };
        let offset = self.state.load_relaxed() & OFFSET;
        self.state
            .store_relaxed((source as u32) << SOURCE_SHIFT | UNUSED | offset);
    }

    /// Returns whether no edge was handled since [`activate`](Self::activate).
    pub(crate) fn is_unused(&self) -> bool {
        self.state.load_relaxed() & UNUSED != 0
    }

    /// Returns whether the level is another one than `settled`, which [`settle`](Self::settle)
    /// determined, through an edge from before [`activate`](Self::activate). May sleep.
    pub(crate) fn missed_edge(&self, settled: bool) -> bool {
        let differs = || self.is_unused() && self.input.level_may_sleep() == Ok(!settled);
        if !differs() {
            return false;
        }
        // Or the interrupt is still on its way.
        fsleep(SETTLED);
        differs()
    }

    /// Counts an edge, and returns the level after it; `None` before [`activate`](Self::activate).
    /// To be called by the interrupt handler.
    pub(crate) fn after_edge(&self) -> Option<bool> {
        let edges = self.edges.increment();
        let before = self.state.load_relaxed();
        let source = before >> SOURCE_SHIFT;
        if source == LevelSource::None as u32 {
            return None;
        }
        let read = if self.known.is_some() {
            self.known
        } else if source == LevelSource::Chip as u32 {
            self.input.level().ok()
        } else if source == LevelSource::ChipInThread as u32 {
            self.input.level_may_sleep().ok()
        } else {
            None
        };
        let level = read.unwrap_or_else(|| counted(before, edges));
        let after = state(source, edges, level);
        if after != before {
            self.state.store_relaxed(after);
        }
        Some(level)
    }

    /// Returns the level now, or that after the last edge where reading the chip would sleep.
    pub(crate) fn now(&self) -> bool {
        let read = if self.input.can_sleep() {
            None
        } else {
            self.input.level().ok()
        };
        read.unwrap_or_else(|| counted(self.state.load_relaxed(), self.edges.get()))
    }
}

/// Returns the state by which `level` is the one after so many edges.
fn state(source: u32, edges: u64, level: bool) -> u32 {
    let offset = (edges as u32 ^ u32::from(level)) & OFFSET;
    source << SOURCE_SHIFT | offset
}

/// Returns the level after so many edges, by the offset in `state`.
fn counted(state: u32, edges: u64) -> bool {
    (edges as u32 ^ state) & OFFSET != 0
}
