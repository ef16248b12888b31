// SPDX-License-Identifier: GPL-2.0-only

//! Moves events to another ring while new events arrive.
//!
//! The old ring does not change until the end, so no intermediate state is visible.

use super::{
    ends,
    take_u32,
    Arc,
    Consumer,
    Memory,
    Overflow,
    Producer,
    Ring, //
};

/// Events on their way to a new ring.
///
/// Meanwhile only the producer takes events out of the old ring, to make room.
pub(crate) struct Relayout<M> {
    ring: Arc<Ring<M>>,
    overflow: Overflow,
    /// Difference between positions in the old ring and in the new one.
    shift: u32,
    /// The next position to copy, in the old ring.
    next: u32,
}

impl<M: Memory> Relayout<M> {
    /// Starts to move the events of `old` to `ring`, which nobody else uses yet.
    pub(crate) fn new(ring: Arc<Ring<M>>, overflow: Overflow, old: &Producer<M>) -> Self {
        Self {
            ring,
            overflow,
            shift: shift(old),
            next: old.ring.head(old.tail),
        }
    }

    /// Copies up to `max` events. Returns the number of remaining events.
    pub(crate) fn copy(&mut self, old: &Producer<M>, max: u32) -> u32 {
        // The events of a ring that drops its newest are numbered in their slots.
        if self.overflow == Overflow::DropNewest && self.shift != shift(old) {
            self.shift = shift(old);
            self.next = old.ring.head(old.tail);
        }
        let (begin, end) = self.kept(old);
        if end.wrapping_sub(self.next) > end.wrapping_sub(begin) {
            self.next = begin;
        }
        let left = end.wrapping_sub(self.next);
        for _ in 0..left.min(max) {
            let position = self.next.wrapping_sub(self.shift);
            let mut event = old.ring.event_at(self.next);
            event.sequence = position.wrapping_add(1);
            self.ring.memory.write(self.ring.index(position), event);
            self.next = self.next.wrapping_add(1);
        }
        left - left.min(max)
    }

    /// Copies the rest. Returns the ends of the new ring; events beyond its capacity are lost. With
    /// `keep_due`, events that had waited long enough stay readable.
    pub(crate) fn finish(
        mut self,
        old: &Producer<M>,
        keep_due: bool,
    ) -> (Producer<M>, Option<Consumer<M>>) {
        self.copy(old, u32::MAX);
        let (old_head, old_tail) = (old.ring.head(old.tail), old.tail);
        let (begin, end) = self.kept(old);
        let lost_in = |from: u32, to: u32| {
            let count = to.wrapping_sub(from);
            (0..count)
                .map(|offset| u64::from(old.ring.event_at(from.wrapping_add(offset)).lost))
                .sum::<u64>()
                + u64::from(count)
        };

        let ring = self.ring;
        let head = begin.wrapping_sub(self.shift);
        let tail = end.wrapping_sub(self.shift);
        ring.place(head, tail);
        let depth = tail.wrapping_sub(head);
        let (mut producer, consumer) = ends(ring, self.overflow);
        let ring = &*producer.ring;
        producer.delivered = old.delivered();
        producer.unreported = old.unreported + lost_in(end, old_tail);
        producer.lost_before_head = old.lost_before_head + lost_in(old_head, begin);
        if self.overflow == Overflow::DropNewest {
            // Its records report all losses.
            if depth > 0 {
                let index = ring.index(head);
                let mut oldest = ring.memory.read(index);
                producer.lost_before_head += u64::from(oldest.lost);
                oldest.lost = take_u32(&mut producer.lost_before_head);
                ring.memory.write(index, oldest);
            }
            producer.unreported += core::mem::take(&mut producer.lost_before_head);
        }

        let cut = old_tail.wrapping_sub(old_head) - depth;
        producer.account = old.account;
        producer.account.lost += u64::from(cut);
        producer.account.high_water = old.account.high_water.max(depth);
        if cut > 0 || old.ring.lost_since_read() {
            ring.set_lossy(head);
        }
        let due = old.ring.due.load_relaxed().wrapping_sub(old_head);
        if keep_due && due <= old_tail.wrapping_sub(old_head) {
            // Don't count new events in place of those that were cut off before them.
            let due = due.saturating_sub(begin.wrapping_sub(old_head));
            ring.due.store_relaxed(head.wrapping_add(due.min(depth)));
        }
        (producer, consumer)
    }

    /// Returns the positions, in the old ring, of the events that fit into the new one. The first one
    /// never decreases.
    fn kept(&self, old: &Producer<M>) -> (u32, u32) {
        let head = old.ring.head(old.tail);
        let depth = old.tail.wrapping_sub(head).min(self.ring.capacity);
        match self.overflow {
            Overflow::DropNewest => (head, head.wrapping_add(depth)),
            Overflow::DropOldest => (old.tail.wrapping_sub(depth), old.tail),
        }
    }
}

/// Returns the difference between positions in `old` and the numbers of its events: an event dropped
/// as the oldest had a position, but has no number.
fn shift<M: Memory>(old: &Producer<M>) -> u32 {
    old.ring.head(old.tail).wrapping_sub(old.delivered())
}
