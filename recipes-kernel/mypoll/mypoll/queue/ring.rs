// SPDX-License-Identifier: GPL-2.0-only

//! A lock-free ring of events with one producer and one consumer.
//!
//! Its header may be mapped into a program, which then is the consumer. The producer does not trust
//! the header: only the ring's own words determine where it writes.
//!
//! This file needs only `core` and `sync`: it is compiled into the module and, unchanged, into a
//! host crate that tests it.

mod relayout;

pub(crate) use relayout::Relayout;

use crate::{
    kernel_ext::sync::{
        publish,
        Arc,
        Word, //
    },
    uapi::{
        self,
        Event, //
    },
};
use core::mem::{
    offset_of,
    size_of, //
};

const HEADER_WORDS: usize = size_of::<uapi::Ring>() / size_of::<u32>();

const HEAD: usize = offset_of!(uapi::Ring, head) / size_of::<u32>();
const TAIL: usize = offset_of!(uapi::Ring, tail) / size_of::<u32>();
const MASK: usize = offset_of!(uapi::Ring, mask) / size_of::<u32>();
const CAPACITY: usize = offset_of!(uapi::Ring, capacity) / size_of::<u32>();

/// The words of `struct mypoll_ring`, each of which a program may overwrite at any time.
pub(crate) type Header = [Word; HEADER_WORDS];

/// How often reading both ends is repeated while the head moves beyond the tail.
const LOOKS: usize = 8;

/// The memory of a ring.
pub(crate) trait Memory {
    /// Returns the shared words, always the same ones.
    fn header(&self) -> &Header;

    /// Returns the number of slots, a power of two.
    fn slots(&self) -> u32;

    /// Returns the event in slot `index`, which is below [`slots`](Self::slots).
    fn read(&self, index: u32) -> Event;

    /// Writes slot `index`, which is below [`slots`](Self::slots).
    fn write(&self, index: u32, event: Event);
}

/// Which event a full ring drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// The new one.
    DropNewest,
    /// The oldest one.
    DropOldest,
}

impl Overflow {
    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DropNewest => "drop-newest",
            Self::DropOldest => "drop-oldest",
        }
    }
}

/// The state shared by the two ends of a ring.
///
/// # Invariants
///
/// `1 <= capacity <= memory.slots()`.
pub(crate) struct Ring<M> {
    memory: M,
    capacity: u32,
    /// Number of events that makes it readable.
    watermark: u32,
    /// The position after the last event; the word in the header is only a copy.
    tail: Word,
    /// The position up to which events have waited long enough.
    due: Word,
    /// 1 from a loss until the next read.
    lossy: Word,
    /// The head at the last loss.
    lost_at: Word,
}

impl<M: Memory> Ring<M> {
    /// Creates a ring of `capacity` events in `memory`, which has at least as many slots. It is readable
    /// with `watermark` events. Its first event gets position `start`.
    pub(crate) fn new(memory: M, capacity: u32, watermark: u32, start: u32) -> Self {
        assert!(1 <= capacity && capacity <= memory.slots());
        let header = memory.header();
        header[MASK].store_relaxed(memory.slots() - 1);
        header[CAPACITY].store_relaxed(capacity);
        // INVARIANT: As asserted.
        let ring = Self {
            memory,
            capacity,
            watermark,
            tail: Word::new(start),
            due: Word::new(start),
            lossy: Word::new(0),
            lost_at: Word::new(start),
        };
        ring.place(start, start);
        ring
    }

    /// Sets both ends of a ring that nobody else uses yet.
    fn place(&self, head: u32, tail: u32) {
        self.memory.header()[HEAD].store_relaxed(head);
        self.memory.header()[TAIL].store_relaxed(tail);
        self.tail.store_relaxed(tail);
        self.due.store_relaxed(head);
    }

    /// Returns the memory.
    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Returns the number of events.
    pub(crate) fn depth(&self) -> u32 {
        let (head, tail) = self.ends();
        tail.wrapping_sub(head)
    }

    /// Whether the number of events reaches the watermark, or the ring is full, or the oldest event has
    /// waited long enough.
    #[inline]
    pub(crate) fn is_readable(&self) -> bool {
        let (head, tail) = self.ends();
        let depth = tail.wrapping_sub(head);
        let due = self.due.load_relaxed().wrapping_sub(head);
        depth >= self.watermark || depth == self.capacity || (1 <= due && due <= depth)
    }

    /// Whether an event was lost since the last one was taken.
    #[inline]
    pub(crate) fn lost_since_read(&self) -> bool {
        self.lossy.load_relaxed() != 0 && self.lost_at.load_relaxed() == self.ends().0
    }

    /// Marks all current events as having waited long enough.
    pub(crate) fn end_wait(&self) {
        self.due.store_relaxed(self.tail.load_relaxed());
    }

    /// Returns the positions of the oldest event and after the last one. The events between them were in
    /// the ring at some moment during the call.
    #[inline]
    fn ends(&self) -> (u32, u32) {
        // In this order: the events in between are in the ring when the head is loaded, unless the head
        // has moved beyond the tail that was loaded before.
        let tail = self.tail.load_acquire();
        let head = self.memory.header()[HEAD].load_relaxed();
        if tail.wrapping_sub(head) <= self.capacity {
            return (head, tail);
        }
        self.ends_again(head)
    }

    /// The same, after `beyond` was seen to be beyond the tail.
    #[cold]
    fn ends_again(&self, mut beyond: u32) -> (u32, u32) {
        let word = &self.memory.header()[HEAD];
        for _ in 0..LOOKS {
            // The next tail is no older than the one that the consumer saw before it moved the head.
            word.load_acquire();
            let tail = self.tail.load_acquire();
            let head = word.load_relaxed();
            if tail.wrapping_sub(head) <= self.capacity {
                return (head, tail);
            }
            // So a head that stays there is invalid, stored by a faulty program.
            if head == beyond {
                return (self.sane(head, tail), tail);
            }
            beyond = head;
        }
        // Interrupts kept coming, each long enough for an event and its consumer. Those events wake
        // the waiters.
        let tail = self.tail.load_relaxed();
        (tail, tail)
    }

    /// Returns the position of the oldest event for the producer, whose `tail` does not move. It may
    /// reuse the slots before it.
    #[inline]
    fn head(&self, tail: u32) -> u32 {
        // Pairs with the consumer's release after it has read them.
        self.sane(self.memory.header()[HEAD].load_acquire(), tail)
    }

    /// Handles an invalid head, which only a program can have stored, as that of a full ring.
    #[inline]
    fn sane(&self, head: u32, tail: u32) -> u32 {
        if tail.wrapping_sub(head) <= self.capacity {
            head
        } else {
            tail.wrapping_sub(self.capacity)
        }
    }

    fn set_head(&self, head: u32) {
        // Before the head: a loss that is possible once the head has moved must not be forgotten.
        self.lossy.store_relaxed(0);
        self.memory.header()[HEAD].store_release(head);
    }

    /// Records a loss until the next read; `head` is the ring's.
    fn set_lossy(&self, head: u32) {
        self.lost_at.store_relaxed(head);
        self.lossy.store_relaxed(1);
    }

    fn index(&self, position: u32) -> u32 {
        position & (self.memory.slots() - 1)
    }

    fn event_at(&self, position: u32) -> Event {
        self.memory.read(self.index(position))
    }
}

/// Creates the two ends of a ring. A ring that drops its oldest event has no consumer: its producer
/// takes events out, too.
///
/// Must be called only once per ring.
pub(crate) fn ends<M: Memory>(
    ring: Arc<Ring<M>>,
    overflow: Overflow,
) -> (Producer<M>, Option<Consumer<M>>) {
    let start = ring.tail.load_relaxed();
    let consumer = match overflow {
        Overflow::DropNewest => Some(Consumer { ring: ring.clone() }),
        Overflow::DropOldest => None,
    };
    (
        Producer {
            ring,
            overflow,
            tail: start,
            delivered: start,
            unreported: 0,
            lost_before_head: 0,
            taken_after_loss: 0,
            account: Account::default(),
        },
        consumer,
    )
}

/// Statistics of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Offered events.
    pub(crate) generated: u64,
    /// Lost events among them.
    pub(crate) lost: u64,
    /// The maximum number of waiting events.
    pub(crate) high_water: u32,
}

/// The result of queuing an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It was queued; the ring now has this many events.
    Queued(u32),
    /// It was queued, and the oldest one was lost; the ring has `depth` events.
    Displaced {
        depth: u32,
        /// The source of the lost event.
        source: u16,
        line: u32,
    },
    /// It was lost, the first since the last read.
    FirstLost,
    /// It was lost, too.
    Lost,
}

/// The end to which events are added.
///
/// # Invariants
///
/// `tail` is the ring's.
pub(crate) struct Producer<M> {
    ring: Arc<Ring<M>>,
    overflow: Overflow,
    tail: u32,
    /// With [`Overflow::DropOldest`], the number of the last event taken: positions also count dropped
    /// events.
    delivered: u32,
    /// Events lost since the last one that was queued.
    unreported: u64,
    /// Events dropped since the last one that was taken.
    lost_before_head: u64,
    /// Number of events taken last, if one had been lost since the previous read; else 0.
    taken_after_loss: usize,
    account: Account,
}

impl<M: Memory> Producer<M> {
    /// Returns the ring.
    #[inline]
    pub(crate) fn ring(&self) -> &Arc<Ring<M>> {
        &self.ring
    }

    /// Returns the statistics.
    pub(crate) fn account(&self) -> Account {
        self.account
    }

    /// Returns the next event to be taken.
    pub(crate) fn oldest(&self) -> Option<Event> {
        let head = self.ring.head(self.tail);
        (head != self.tail).then(|| self.ring.event_at(head))
    }

    /// Whether another event would cause a loss.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.tail.wrapping_sub(self.ring.head(self.tail)) == self.ring.capacity
    }

    /// Returns the number of the last event taken.
    fn delivered(&self) -> u32 {
        match self.overflow {
            Overflow::DropNewest => self.ring.head(self.tail),
            Overflow::DropOldest => self.delivered,
        }
    }

    /// Returns the number of the last event queued.
    pub(crate) fn sequence(&self) -> u32 {
        let depth = self.tail.wrapping_sub(self.ring.head(self.tail));
        self.delivered().wrapping_add(depth)
    }

    /// Whether this end takes events out, too.
    pub(crate) fn takes_out(&self) -> bool {
        self.overflow == Overflow::DropOldest
    }

    /// Queues an event; the ring sets its `sequence` and `lost`.
    // Inlined, because every event of an interrupt passes here.
    #[inline(always)]
    pub(crate) fn push(&mut self, event: Event) -> Pushed {
        self.account.generated += 1;
        let head = self.ring.head(self.tail);
        if self.tail.wrapping_sub(head) == self.ring.capacity {
            return self.push_full(event, head);
        }
        Pushed::Queued(self.put(event, head))
    }

    #[cold]
    #[inline(never)]
    fn push_full(&mut self, event: Event, head: u32) -> Pushed {
        let ring = &*self.ring;
        self.account.lost += 1;
        if self.overflow == Overflow::DropNewest {
            self.unreported += 1;
            let first = !ring.lost_since_read();
            ring.set_lossy(head);
            return if first {
                Pushed::FirstLost
            } else {
                Pushed::Lost
            };
        }
        let oldest = ring.event_at(head);
        self.lost_before_head += 1 + u64::from(oldest.lost);
        let head = head.wrapping_add(1);
        ring.set_head(head);
        ring.set_lossy(head);
        Pushed::Displaced {
            depth: self.put(event, head),
            source: oldest.source,
            line: oldest.line,
        }
    }

    /// Adds an event to a ring with room, whose head is `head`. Returns the number of events.
    #[inline(always)]
    fn put(&mut self, mut event: Event, head: u32) -> u32 {
        let ring = &*self.ring;
        event.lost = take_u32(&mut self.unreported);
        let index = ring.index(self.tail);
        self.tail = self.tail.wrapping_add(1);
        event.sequence = self.tail;
        // The slot is not between `head` and `tail`, so the consumer no longer uses it.
        ring.memory.write(index, event);
        publish([&ring.tail, &ring.memory.header()[TAIL]], self.tail);

        let depth = self.tail.wrapping_sub(head);
        self.account.high_water = self.account.high_water.max(depth);
        depth
    }

    /// Takes the oldest events of a ring with [`Overflow::DropOldest`], as many as fit into `events`.
    /// Returns their number; for any other ring it is 0.
    pub(crate) fn take(&mut self, events: &mut [Event]) -> usize {
        if self.overflow == Overflow::DropNewest {
            return 0;
        }
        let ring = &*self.ring;
        let head = ring.head(self.tail);
        let count = events.len().min(self.tail.wrapping_sub(head) as usize);
        for (offset, event) in (0u32..).zip(&mut events[..count]) {
            *event = ring.event_at(head.wrapping_add(offset));
            self.delivered = self.delivered.wrapping_add(1);
            event.sequence = self.delivered;
            self.lost_before_head += u64::from(event.lost);
            event.lost = take_u32(&mut self.lost_before_head);
        }
        if count > 0 {
            self.taken_after_loss = if ring.lost_since_read() { count } else { 0 };
            ring.set_head(head.wrapping_add(count as u32));
        }
        count
    }

    /// Puts back a final part of the events from the last [`take`](Self::take). Those for which the ring
    /// has no room any more are lost, as the oldest ones. If all are put back, nothing was read.
    pub(crate) fn put_back(&mut self, events: &[Event]) {
        let ring = &*self.ring;
        for event in events.iter().rev() {
            self.delivered = self.delivered.wrapping_sub(1);
            let head = ring.head(self.tail);
            if self.tail.wrapping_sub(head) == ring.capacity {
                self.lost_before_head += 1 + u64::from(event.lost);
                self.account.lost += 1;
                ring.set_lossy(head);
                continue;
            }
            let head = head.wrapping_sub(1);
            // The slot before the oldest event is free, as there are fewer events than slots.
            ring.memory.write(ring.index(head), *event);
            ring.set_head(head);
            let depth = self.tail.wrapping_sub(head);
            self.account.high_water = self.account.high_water.max(depth);
        }
        if !events.is_empty() && events.len() == self.taken_after_loss {
            ring.set_lossy(ring.head(self.tail));
        }
    }
}

/// Takes as much of a count as fits into a record.
#[inline]
fn take_u32(count: &mut u64) -> u32 {
    if *count == 0 {
        return 0;
    }
    let told = u32::try_from(*count).unwrap_or(u32::MAX);
    *count -= u64::from(told);
    told
}

/// The end from which events are taken, the only one in the kernel.
pub(crate) struct Consumer<M> {
    ring: Arc<Ring<M>>,
}

impl<M: Memory> Consumer<M> {
    /// Takes the oldest events, at most `max`. `copy` gets one or two runs of slots, as the memory, the
    /// index of the first and their number, and returns how many it copied. Returns the total; the other
    /// events stay.
    ///
    /// The slots change concurrently only if a program that mapped the ring stores an invalid head:
    /// `copy` must not rely on what it reads.
    pub(crate) fn take(
        &mut self,
        max: usize,
        mut copy: impl FnMut(&M, u32, usize) -> usize,
    ) -> usize {
        let ring = &*self.ring;
        let (head, tail) = ring.ends();
        let index = ring.index(head);
        let count = max.min(tail.wrapping_sub(head) as usize);
        let first = count.min((ring.memory.slots() - index) as usize);
        if count == 0 {
            return 0;
        }
        let mut taken = copy(&ring.memory, index, first);
        if taken == first && count > first {
            taken += copy(&ring.memory, 0, count - first);
        }
        if taken > 0 {
            ring.set_head(head.wrapping_add(taken as u32));
        }
        taken
    }
}
