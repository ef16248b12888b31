// SPDX-License-Identifier: GPL-2.0-only

//! The shared queue: first in, first out, with an exact count of lost events.
//!
//! This file needs nothing but `core`: it is compiled into the module and, unchanged, into a host
//! crate that tests it.

use crate::event::{Event, Record};
use core::ops::DerefMut;

/// The queue has no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A record taken from the queue for a reader; it keeps its slot until the reader reports whether it
/// arrived.
///
/// Must be returned with [`SharedQueue::delivered`] or [`SharedQueue::put_back`]; a dropped claim keeps its
/// slot forever.
#[must_use]
#[derive(Debug)]
pub(crate) struct Claim(Record);

impl Claim {
    /// The record to deliver.
    pub(crate) fn record(&self) -> &Record {
        &self.0
    }
}

/// A ring of records in the slots `S`.
///
/// # Invariants
///
/// - The `len` slots from `head` on, with wrap-around, contain records in the order of their sequence
///   numbers.
/// - `len + claimed` is at most the number of slots, so that every claim can be put back.
pub(crate) struct SharedQueue<S> {
    slots: S,
    head: usize,
    len: usize,
    claimed: usize,
    sequence: u32,
    lost: u32,
    lost_since_read: bool,
    high_water: usize,
    offered: u64,
}

impl<S: DerefMut<Target = [Record]>> SharedQueue<S> {
    /// Creates an empty queue with one record per slot.
    pub(crate) fn new(slots: S) -> Self {
        // INVARIANT: There are no records and no claims.
        Self {
            slots,
            head: 0,
            len: 0,
            claimed: 0,
            sequence: 0,
            lost: 0,
            lost_since_read: false,
            high_water: 0,
            offered: 0,
        }
    }

    /// Number of readable records.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Maximum number of records.
    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Maximum of [`len`](Self::len) so far.
    pub(crate) fn high_water(&self) -> usize {
        self.high_water
    }

    /// Whether there is nothing to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether [`push`](Self::push) would fail.
    pub(crate) fn is_full(&self) -> bool {
        self.len + self.claimed == self.slots.len()
    }

    /// Returns the total number of queued and lost events.
    pub(crate) fn offered(&self) -> u64 {
        self.offered
    }

    /// The last sequence number, 0 before the first.
    pub(crate) fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Whether an event was lost since a record was last delivered.
    pub(crate) fn lost_since_read(&self) -> bool {
        self.lost_since_read
    }

    /// Queues an event with the next sequence number; fails if the queue is full.
    pub(crate) fn push(&mut self, event: Event) -> Result<(), Full> {
        if self.is_full() {
            return Err(Full);
        }
        self.offered += 1;
        self.sequence = self.sequence.wrapping_add(1);
        let tail = self.slot(self.len);
        // INVARIANT: The sequence number is the newest, and there was room.
        self.slots[tail] = Record {
            sequence: self.sequence,
            lost: core::mem::take(&mut self.lost),
            event,
        };
        self.len += 1;
        self.high_water = self.high_water.max(self.len);
        Ok(())
    }

    /// Counts an event that was lost because the queue was full, if nobody else reports it.
    ///
    /// Returns whether it is the first since the last read.
    pub(crate) fn lose(&mut self) -> bool {
        self.offered += 1;
        self.lost = self.lost.saturating_add(1);
        !core::mem::replace(&mut self.lost_since_read, true)
    }

    /// Takes the oldest record out for a reader.
    pub(crate) fn claim(&mut self) -> Option<Claim> {
        if self.is_empty() {
            return None;
        }
        let record = self.slots[self.head];
        // INVARIANT: `claimed` gains what `len` loses.
        self.head = self.slot(1);
        self.len -= 1;
        self.claimed += 1;
        Some(Claim(record))
    }

    /// Ends a claim whose record arrived.
    ///
    /// Returns whether the queue was full before.
    pub(crate) fn delivered(&mut self, _claim: Claim) -> bool {
        let was_full = self.is_full();
        self.claimed -= 1;
        self.lost_since_read = false;
        was_full
    }

    /// Ends a claim whose record did not arrive: the record returns to its old place.
    pub(crate) fn put_back(&mut self, claim: Claim) {
        // INVARIANT: `len` gains what `claimed` loses.
        self.claimed -= 1;
        self.head = self.slot(self.slots.len() - 1);
        self.len += 1;
        self.high_water = self.high_water.max(self.len);

        // INVARIANT: Another claim, of an older record, may have been put back before: move older
        // records one slot ahead.
        let mut place = 0;
        while place + 1 < self.len {
            let next = self.slots[self.slot(place + 1)];
            if !precedes(next.sequence, claim.0.sequence) {
                break;
            }
            let slot = self.slot(place);
            self.slots[slot] = next;
            place += 1;
        }
        let slot = self.slot(place);
        self.slots[slot] = claim.0;
    }

    /// Numbers the next event after `sequence`.
    #[cfg(test)]
    pub(crate) fn start_at(&mut self, sequence: u32) {
        self.sequence = sequence;
    }

    /// The index of the slot at `offset` from the head.
    fn slot(&self, offset: usize) -> usize {
        let index = self.head + offset;
        if index < self.slots.len() {
            index
        } else {
            index - self.slots.len()
        }
    }
}

/// Whether sequence number `a` precedes `b`. A queue has far fewer than 2³¹ records, so half the
/// range decides.
fn precedes(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}
