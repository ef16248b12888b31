// SPDX-License-Identifier: GPL-2.0-only

//! A ring of events between one producer and one consumer that need no lock between them.
//!
//! Its header may be mapped into a program, which then is the consumer. Nothing that stands there is
//! trusted: the ring's own words decide where the producer writes.
//!
//! This file needs nothing but `core`, and `sync` beside it: it is compiled into the module
//! and, unchanged, into a host crate that tests it.

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

/// The words of `struct mypoll_ring`, each of which a program may store to at any time.
pub(crate) type Header = [Word; HEADER_WORDS];

/// How often a look at both ends is repeated while the head moves on beyond the tail.
const LOOKS: usize = 8;

/// Where a ring's events lie.
pub(crate) trait Memory {
    /// Returns the shared words, always the same ones.
    fn header(&self) -> &Header;

    /// Returns how many slots there are, a power of two.
    fn slots(&self) -> u32;

    /// Returns the event in slot `index`, which is below [`slots`](Self::slots).
    fn read(&self, index: u32) -> Event;

    /// Fills slot `index`, which is below [`slots`](Self::slots).
    fn write(&self, index: u32, event: Event);
}

/// What a full ring does with one more event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// Loses that one.
    DropNewest,
    /// Loses the oldest one.
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

/// What the two ends of a ring share.
///
/// # Invariants
///
/// `1 <= capacity <= memory.slots()`.
pub(crate) struct Ring<M> {
    memory: M,
    capacity: u32,
    /// How many events make it readable.
    watermark: u32,
    /// The position after the last event, of which the word in the header is but a copy.
    tail: Word,
    /// The position up to which events have waited long enough.
    due: Word,
    /// 1 from a loss to the next read.
    lossy: Word,
    /// The head at the last loss.
    lost_at: Word,
}

impl<M: Memory> Ring<M> {
    /// Lays a ring of `capacity` events into `memory`, which has as many slots at least. `watermark`
    /// of them make it readable. Its first event gets position `start`.
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

    /// Puts both ends of a ring that nobody else uses yet.
    fn place(&self, head: u32, tail: u32) {
        self.memory.header()[HEAD].store_relaxed(head);
        self.memory.header()[TAIL].store_relaxed(tail);
        self.tail.store_relaxed(tail);
        self.due.store_relaxed(head);
    }

    /// Returns where the ring lies.
    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Returns how many events wait.
    pub(crate) fn depth(&self) -> u32 {
        let (head, tail) = self.ends();
        tail.wrapping_sub(head)
    }

    /// Whether as many events wait as the watermark asks for, or the ring is full, or the oldest
    /// event has waited long enough.
    #[inline]
    pub(crate) fn is_readable(&self) -> bool {
        let (head, tail) = self.ends();
        let depth = tail.wrapping_sub(head);
        let due = self.due.load_relaxed().wrapping_sub(head);
        depth >= self.watermark || depth == self.capacity || (1 <= due && due <= depth)
    }

    /// Whether an event was lost since one was last taken.
    #[inline]
    pub(crate) fn lost_since_read(&self) -> bool {
        self.lossy.load_relaxed() != 0 && self.lost_at.load_relaxed() == self.ends().0
    }

    /// Has all events that wait now wait no longer.
    pub(crate) fn end_wait(&self) {
        self.due.store_relaxed(self.tail.load_relaxed());
    }

    /// Returns the positions of the oldest event and after the last one. At some moment of the call at
    /// least the events between them waited.
    #[inline]
    fn ends(&self) -> (u32, u32) {
        // In this order: the events between the two wait when the head is loaded, unless it went
        // beyond the tail since that was loaded.
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
            // So a head that stays there was stored by a program that is wrong.
            if head == beyond {
                return (self.sane(head, tail), tail);
            }
            beyond = head;
        }
        // Interrupts, each long enough for an event and its consumer. Those that came meanwhile wake who
        // waits for them.
        let tail = self.tail.load_relaxed();
        (tail, tail)
    }

    /// Returns the position of the oldest event to the producer, whose `tail` stands still. It may use
    /// the slots before it anew.
    #[inline]
    fn head(&self, tail: u32) -> u32 {
        // Pairs with the release with which the consumer is done with them.
        self.sane(self.memory.header()[HEAD].load_acquire(), tail)
    }

    /// Takes an impossible head, which only a program can have stored, for that of a full ring.
    #[inline]
    fn sane(&self, head: u32, tail: u32) -> u32 {
        if tail.wrapping_sub(head) <= self.capacity {
            head
        } else {
            tail.wrapping_sub(self.capacity)
        }
    }

    fn set_head(&self, head: u32) {
        // Before the head: what is lost as soon as that has moved must not be forgotten.
        self.lossy.store_relaxed(0);
        self.memory.header()[HEAD].store_release(head);
    }

    /// Remembers a loss until the next read; `head` is the ring's.
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

/// Makes the two ends of a ring. One that drops its oldest event has no consumer: its producer takes
/// events out, too.
///
/// To be called once for a ring.
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

/// What became of the events of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Events that were offered.
    pub(crate) generated: u64,
    /// Of those, how many were lost.
    pub(crate) lost: u64,
    /// The most that waited at a time.
    pub(crate) high_water: u32,
}

/// What became of one event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits, one of so many.
    Queued(u32),
    /// It waits, one of `depth`, and the oldest one was lost.
    Displaced {
        depth: u32,
        /// Where the lost one came from.
        source: u16,
        line: u32,
    },
    /// It was lost, the first since the last read.
    FirstLost,
    /// It was lost, too.
    Lost,
}

/// The end that events go in.
///
/// # Invariants
///
/// `tail` is the ring's.
pub(crate) struct Producer<M> {
    ring: Arc<Ring<M>>,
    overflow: Overflow,
    tail: u32,
    /// With [`Overflow::DropOldest`], the number of the event that was taken last: positions count
    /// dropped events, too.
    delivered: u32,
    /// Events lost since the last one that was queued.
    unreported: u64,
    /// Events dropped since the one that was taken last.
    lost_before_head: u64,
    /// How many events were taken last, if one had been lost since the read before; else 0.
    taken_after_loss: usize,
    account: Account,
}

impl<M: Memory> Producer<M> {
    /// Returns the ring.
    #[inline]
    pub(crate) fn ring(&self) -> &Arc<Ring<M>> {
        &self.ring
    }

    /// Returns what became of all events.
    pub(crate) fn account(&self) -> Account {
        self.account
    }

    /// Returns the event that would be taken next.
    pub(crate) fn oldest(&self) -> Option<Event> {
        let head = self.ring.head(self.tail);
        (head != self.tail).then(|| self.ring.event_at(head))
    }

    /// Whether an event would be lost, or another one for it.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.tail.wrapping_sub(self.ring.head(self.tail)) == self.ring.capacity
    }

    /// Returns the number of the event that was taken last.
    fn delivered(&self) -> u32 {
        match self.overflow {
            Overflow::DropNewest => self.ring.head(self.tail),
            Overflow::DropOldest => self.delivered,
        }
    }

    /// Returns the number of the event that was queued last.
    pub(crate) fn sequence(&self) -> u32 {
        let depth = self.tail.wrapping_sub(self.ring.head(self.tail));
        self.delivered().wrapping_add(depth)
    }

    /// Whether this end takes events out, too.
    pub(crate) fn takes_out(&self) -> bool {
        self.overflow == Overflow::DropOldest
    }

    /// Queues an event, of which `sequence` and `lost` are the ring's to fill in.
    // Inlined, as each event of an interrupt passes here.
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

    /// Puts an event into a ring with room, whose head is `head`. Returns how many wait then.
    #[inline(always)]
    fn put(&mut self, mut event: Event, head: u32) -> u32 {
        let ring = &*self.ring;
        event.lost = take_u32(&mut self.unreported);
        let index = ring.index(self.tail);
        self.tail = self.tail.wrapping_add(1);
        event.sequence = self.tail;
        // The slot is not between `head` and `tail`, so the consumer is done with it.
        ring.memory.write(index, event);
        publish([&ring.tail, &ring.memory.header()[TAIL]], self.tail);

        let depth = self.tail.wrapping_sub(head);
        self.account.high_water = self.account.high_water.max(depth);
        depth
    }

    /// Takes the oldest events of a ring with [`Overflow::DropOldest`], as many as there are and
    /// `events` has room for. Returns how many; any other ring has none for this end.
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

    /// Puts back events that [`take`](Self::take) gave last, from some on. Those that the ring has
    /// no room for any more are lost, as the oldest ones. If they are all that it gave, nothing was
    /// read.
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

/// Takes as much of a count as a record can tell.
#[inline]
fn take_u32(count: &mut u64) -> u32 {
    if *count == 0 {
        return 0;
    }
    let told = u32::try_from(*count).unwrap_or(u32::MAX);
    *count -= u64::from(told);
    told
}

/// The end that events come out, the only one in the kernel.
pub(crate) struct Consumer<M> {
    ring: Arc<Ring<M>>,
}

impl<M: Memory> Consumer<M> {
    /// Takes the oldest events, `max` at most. `copy` gets one or two runs of slots, as the memory, the
    /// index of the first and their number, and says how many of them it took. Returns how many that
    /// were in all; the others stay.
    ///
    /// The slots change meanwhile only if a program that mapped the ring stores a wrong head: `copy`
    /// must not rely on what it reads.
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
