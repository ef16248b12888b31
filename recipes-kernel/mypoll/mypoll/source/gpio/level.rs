// SPDX-License-Identifier: GPL-2.0-only

//! The level of a GPIO line, as known to an interrupt handler.

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

/// The source of the level after an edge.
#[derive(Clone, Copy)]
#[repr(u32)]
enum LevelSource {
    /// None: edges are only counted.
    None,
    /// The chip, read in the interrupt handler.
    Chip,
    /// The chip, read in the interrupt handler, a thread.
    ChipInThread,
    /// The number of edges: the chip raises hard interrupts, but sleeps when it is read.
    Count,
}

/// The parts of [`Level::state`].
const OFFSET: u32 = 1 << 0;
/// No edge was handled since [`Level::activate`].
const UNUSED: u32 = 1 << 1;
const SOURCE_SHIFT: u32 = 2;

/// How long a level must be stable to be attributed to the edges counted so far: far longer than the
/// latency of an interrupt.
const SETTLED: Delta = Delta::from_millis(1);

/// How often a level that keeps changing is read before it is accepted.
const ATTEMPTS: u32 = 100;

/// A line's level.
///
/// After `n` edges it is `n` plus an offset, modulo 2; each level that is read corrects the offset.
pub(crate) struct Level {
    input: Arc<Input>,
    /// The level after each edge, if there are interrupts for only one kind of edge.
    known: Option<bool>,
    /// The number of edges. Only written by the interrupt handler.
    edges: Counter,
    /// A [`LevelSource`], [`UNUSED`] and the offset: one word, for consistency. Written by
    /// [`settle`](Self::settle) and [`activate`](Self::activate), and then only by the interrupt
    /// handler.
    state: Word,
}

impl Level {
    /// Creates the level of `input`. Nothing is known yet except the level after each edge, if that is
    /// always the same.
    pub(crate) fn new(input: Arc<Input>, known: Option<bool>) -> Self {
        Self {
            input,
            known,
            edges: Counter::new(),
            state: Word::new(0),
        }
    }

    /// Returns the number of edges.
    pub(crate) fn edges(&self) -> u64 {
        self.edges.get()
    }

    /// Determines the first level, while edges may already occur. May sleep.
    pub(crate) fn settle(&self) -> Result<bool> {
        // An edge that is counted while the level is read may come before or after it: read again.
        let look = || -> Result<_> {
            let mut edges = self.edges.get();
            let mut level = self.input.level_may_sleep()?;
            for _ in 0..ATTEMPTS {
                let before = core::mem::replace(&mut edges, self.edges.get());
                if edges == before {
                    break;
                }
                level = self.input.level_may_sleep()?;
            }
            Ok((level, edges))
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

    /// Makes [`after_edge`](Self::after_edge) return levels. `in_thread` tells where it is called.
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

    /// Returns whether the level differs from `settled`, the result of [`settle`](Self::settle), because
    /// of an edge before [`activate`](Self::activate). May sleep.
    pub(crate) fn missed_edge(&self, settled: bool) -> bool {
        let differs = || self.is_unused() && self.input.level_may_sleep() == Ok(!settled);
        if !differs() {
            return false;
        }
        // Or the interrupt is still pending.
        fsleep(SETTLED);
        differs()
    }

    /// Counts an edge, and returns the level after it; `None` before [`activate`](Self::activate). Must
    /// only be called by the interrupt handler.
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

    /// Returns the current level, or that after the last edge if reading the chip would sleep.
    pub(crate) fn now(&self) -> bool {
        let read = if self.input.can_sleep() {
            None
        } else {
            self.input.level().ok()
        };
        read.unwrap_or_else(|| counted(self.state.load_relaxed(), self.edges.get()))
    }
}

/// Returns the state in which `level` is the level after `edges` edges.
fn state(source: u32, edges: u64, level: bool) -> u32 {
    let offset = (edges as u32 ^ u32::from(level)) & OFFSET;
    source << SOURCE_SHIFT | offset
}

/// Returns the level after `edges` edges, by the offset in `state`.
fn counted(state: u32, edges: u64) -> bool {
    (edges as u32 ^ state) & OFFSET != 0
}
