// SPDX-License-Identifier: GPL-2.0-only

//! Whom to notify of an event, recorded under the bus lock.

use crate::sink::Notice;

const WORDS: usize = 4;

/// The maximum number of slots.
pub(super) const SLOTS: usize = WORDS * 64;

/// A set of slots.
#[derive(Default)]
pub(super) struct Slots([u64; WORDS]);

impl Slots {
    #[inline]
    fn add(&mut self, slot: usize) {
        self.0[slot / 64 % WORDS] |= 1 << (slot % 64);
    }

    /// Adds the slots of one word.
    #[inline]
    pub(super) fn add_word(&mut self, word: usize, slots: u64) {
        self.0[word % WORDS] |= slots;
    }

    /// Calls `f` with each slot, the lowest first.
    #[inline]
    pub(super) fn for_each(&self, mut f: impl FnMut(usize)) {
        for (word, bits) in self.0.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                f(word * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }
}

/// Whom to notify.
pub(super) struct Told {
    /// Waiters of the shared queue.
    pub(super) shared: Notice,
    /// A reader of the shared queue is asleep.
    pub(super) wake_reader: bool,
    /// Sinks that became readable.
    pub(super) readable: Slots,
    /// Whether any of the sets below is in use.
    pub(super) is_rare: bool,
    /// Sinks that lost an event for the first time since the last read.
    pub(super) lossy: Slots,
    /// Sinks whose watermark timer must be started.
    pub(super) waiting: Slots,
    /// Number of sinks that queued the event.
    pub(super) taken: u32,
    /// Number of sinks that lost an event.
    pub(super) lost: u32,
}

impl Default for Told {
    #[inline]
    fn default() -> Self {
        Self {
            shared: Notice::Nothing,
            wake_reader: false,
            readable: Slots::default(),
            is_rare: false,
            lossy: Slots::default(),
            waiting: Slots::default(),
            taken: 0,
            lost: 0,
        }
    }
}

impl Told {
    /// Records what the sink in `slot` needs.
    #[inline]
    pub(super) fn note(&mut self, slot: usize, notice: Notice) {
        match notice {
            Notice::Nothing => {}
            Notice::Readable => self.readable.add(slot),
            Notice::Loss => {
                self.is_rare = true;
                self.lossy.add(slot);
            }
            Notice::Wait(_) => {
                self.is_rare = true;
                self.waiting.add(slot);
            }
        }
    }
}
