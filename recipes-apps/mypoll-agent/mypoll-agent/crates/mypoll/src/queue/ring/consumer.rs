// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reader's side of a mapped ring: when its slots may be read, and when they return to the driver.
//!
//! This file only uses atomics, so that loom can run it against the driver's side, with loom's own atomics.

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU32, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU32, Ordering};

/// The positions whose slots hold events, as of one moment. Iterating takes them.
#[derive(Debug)]
pub(crate) struct Waiting {
    next: u32,
    end: u32,
}

impl Waiting {
    /// Reads both ends of a ring. The slots of the returned positions may be read until [`Waiting::release`]: the
    /// driver wrote them before the `tail` that is read here, and does not write them again until it sees the `head`
    /// stored there.
    pub(crate) fn look(head: &AtomicU32, tail: &AtomicU32, capacity: u32) -> Self {
        let end = tail.load(Ordering::Acquire);
        let next = head.load(Ordering::Relaxed);
        // An impossible head counts as that of a full ring, as in the driver.
        let oldest = end.wrapping_sub(capacity);
        Self {
            next: if end.wrapping_sub(next) > capacity {
                oldest
            } else {
                next
            },
            end,
        }
    }

    /// Takes `count` more positions, which must exist.
    pub(crate) fn skip_positions(&mut self, count: usize) {
        debug_assert!(count <= self.size_hint().0);
        self.next = self.next.wrapping_add(count as u32);
    }

    /// Returns the slots of the taken positions to the driver.
    pub(crate) fn release(&self, head: &AtomicU32) {
        head.store(self.next, Ordering::Release);
    }
}

impl Iterator for Waiting {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.next == self.end {
            return None;
        }
        let position = self.next;
        self.next = position.wrapping_add(1);
        Some(position)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let waiting = self.end.wrapping_sub(self.next) as usize;
        (waiting, Some(waiting))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn waiting(head: u32, tail: u32) -> Waiting {
        Waiting::look(&AtomicU32::new(head), &AtomicU32::new(tail), 3)
    }

    #[test]
    fn events_between_the_ends_are_waiting() {
        assert_eq!(waiting(5, 5).size_hint(), (0, Some(0)));
        assert_eq!(waiting(5, 8).size_hint(), (3, Some(3)));
        let around_the_end: Vec<u32> = waiting(u32::MAX, 2).collect();
        assert_eq!(around_the_end, [u32::MAX, 0, 1]);
    }

    #[test]
    fn an_impossible_head_is_that_of_a_full_ring() {
        for head in [0, 6, 11, 1 << 31] {
            let positions: Vec<u32> = waiting(head, 10).collect();
            assert_eq!(positions, [7, 8, 9], "{head}");
        }
        let positions: Vec<u32> = waiting(7, 1).collect();
        assert_eq!(positions, [u32::MAX - 1, u32::MAX, 0]);
    }

    #[test]
    fn only_taken_positions_are_released() {
        let head = AtomicU32::new(u32::MAX);
        let mut waiting = Waiting::look(&head, &AtomicU32::new(2), 3);
        waiting.release(&head);
        assert_eq!(head.load(Ordering::Relaxed), u32::MAX);
        waiting.next();
        waiting.release(&head);
        assert_eq!(head.load(Ordering::Relaxed), 0);
    }
}
