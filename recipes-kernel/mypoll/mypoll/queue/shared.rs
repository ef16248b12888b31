// SPDX-License-Identifier: GPL-2.0-only

//! The shared queue: first in, first out, with an exact account of what it could not take.
//!
//! This file needs nothing but `core`: it is compiled into the module and, unchanged, into a host
//! crate that tests it.

use crate::event::{Event, Record};
use core::ops::DerefMut;

/// The queue has no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A record that left the queue for a reader and keeps its slot until the reader says whether it
/// arrived.
///
/// It goes back with [`SharedQueue::delivered`] or [`SharedQueue::put_back`]; a claim that is dropped without
/// keeps its slot for ever.
#[must_use]
#[derive(Debug)]
pub(crate) struct Claim(Record);

impl Claim {
    /// The record to deliver.
    pub(crate) fn record(&self) -> &Record {
        &self.0
    }
}

/// A ring of records over the slots `S`.
///
/// # Invariants
///
/// - The `len` slots from `head` on, around the end, hold records in the order of their sequence
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
    /// An empty queue that holds as many records as there are slots.
    pub(crate) fn new(slots: S) -> Self {
        // INVARIANT: Nothing is held and nothing claimed.
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

    /// How many records a read would find.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many records it holds at most.
    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// The most records that a read would ever have found.
    pub(crate) fn high_water(&self) -> usize {
        self.high_water
    }

    /// Whether there is nothing to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether [`push`](Self::push) would be refused.
    pub(crate) fn is_full(&self) -> bool {
        self.len + self.claimed == self.slots.len()
    }

    /// Returns how many events were queued or lost, ever.
    pub(crate) fn offered(&self) -> u64 {
        self.offered
    }

    /// The sequence number given last, 0 before the first.
    pub(crate) fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Whether an event was lost since a record was last delivered.
    pub(crate) fn lost_since_read(&self) -> bool {
        self.lost_since_read
    }

    /// Queues an event and gives it the next sequence number; a full queue refuses and stays as it
    /// is.
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

    /// Accounts for an event that found the queue full and that nobody else will hear of.
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
        // INVARIANT: What `len` loses, `claimed` gains.
        self.head = self.slot(1);
        self.len -= 1;
        self.claimed += 1;
        Some(Claim(record))
    }

    /// Ends a claim whose record arrived.
    ///
    /// Returns whether the queue was full until then.
    pub(crate) fn delivered(&mut self, _claim: Claim) -> bool {
        let was_full = self.is_full();
        self.claimed -= 1;
        self.lost_since_read = false;
        was_full
    }

    /// Ends a claim whose record did not arrive: the record is read again, in its old place.
    pub(crate) fn put_back(&mut self, claim: Claim) {
        // INVARIANT: What `claimed` loses, `len` gains.
        self.claimed -= 1;
        self.head = self.slot(self.slots.len() - 1);
        self.len += 1;
        self.high_water = self.high_water.max(self.len);

        // INVARIANT: Another claim, of an older record, may have been put back before: older
        // records move one slot ahead.
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

    /// Has the next event numbered as the one after `sequence`.
    #[cfg(test)]
    pub(crate) fn start_at(&mut self, sequence: u32) {
        self.sequence = sequence;
    }

    /// The index of the slot `offset` places behind the head.
    fn slot(&self, offset: usize) -> usize {
        let index = self.head + offset;
        if index < self.slots.len() {
            index
        } else {
            index - self.slots.len()
        }
    }
}

/// Whether sequence number `a` was given before `b`. A queue holds far fewer than 2³¹ records, so
/// half the range decides.
fn precedes(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}
