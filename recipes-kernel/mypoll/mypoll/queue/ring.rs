// SPDX-License-Identifier: GPL-2.0-only

//! A ring of events between one producer and one consumer that need no lock between them.
//!
//! Its control words may be mapped into a program, which then is the consumer. Nothing that stands
//! there is trusted: the ring's own words decide where the producer writes.
//!
//! This file needs nothing but `core`, and `sync` beside it: it is compiled into the module
//! and, unchanged, into a host crate that tests it.

use super::sync::{publish, Arc, Word};
use crate::uapi::Event;
use core::ptr;

/// The words that are shared with a program, `struct mypoll_ring`. All 0 is a valid value.
///
/// The program may store to any of them at any time, so that each is a [`Word`].
#[repr(C)]
pub(crate) struct Control {
    head: Word,
    _reserved1: [Word; 15],
    tail: Word,
    _reserved2: [Word; 15],
    mask: Word,
    capacity: Word,
    _reserved3: [Word; 14],
}

#[cfg(not(loom))]
const _: () = {
    use crate::uapi;
    use core::mem::{offset_of, size_of};
    assert!(size_of::<Control>() == size_of::<uapi::Ring>());
    assert!(offset_of!(Control, head) == offset_of!(uapi::Ring, head));
    assert!(offset_of!(Control, tail) == offset_of!(uapi::Ring, tail));
    assert!(offset_of!(Control, mask) == offset_of!(uapi::Ring, mask));
    assert!(offset_of!(Control, capacity) == offset_of!(uapi::Ring, capacity));
};

impl Control {
    /// The words of a ring that is not made yet.
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        fn reserved<const COUNT: usize>() -> [Word; COUNT] {
            core::array::from_fn(|_| Word::new(0))
        }

        Self {
            head: Word::new(0),
            _reserved1: reserved(),
            tail: Word::new(0),
            _reserved2: reserved(),
            mask: Word::new(0),
            capacity: Word::new(0),
            _reserved3: reserved(),
        }
    }

    /// The word that a program stores when it took events.
    #[cfg(test)]
    pub(crate) fn head(&self) -> &Word {
        &self.head
    }

    /// The word that tells a program of new events.
    #[cfg(test)]
    pub(crate) fn tail(&self) -> &Word {
        &self.tail
    }
}

/// Where a ring's events lie.
///
/// # Safety
///
/// - `control` always gives the same words.
/// - There are `slots()` slots, a power of two; `slot` gives each index below that a place of its
///   own, valid for reads and writes for as long as this lives, and initialised.
/// - Nobody in the kernel accesses a slot but through a [`Producer`] and a [`Consumer`].
pub(crate) unsafe trait Memory {
    /// The shared words.
    fn control(&self) -> &Control;

    /// How many slots there are.
    fn slots(&self) -> u32;

    /// The place of slot `index`, which is below [`slots`](Self::slots).
    fn slot(&self, index: u32) -> *mut Event;

    /// Fills a slot.
    ///
    /// # Safety
    ///
    /// `index` is below [`slots`](Self::slots), and the consumer has no use for what is there.
    unsafe fn write(&self, index: u32, event: Event) {
        // SAFETY: By the safety requirements of the trait and of this function. A program that
        // stored a wrong head may be reading there: it gets what it asked for.
        unsafe { self.slot(index).write(event) }
    }
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
    /// What it is called.
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
    /// The position after the last event, of which the control word is but a copy.
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
        let control = memory.control();
        control.head.store_relaxed(start);
        control.tail.store_relaxed(start);
        control.mask.store_relaxed(memory.slots() - 1);
        control.capacity.store_relaxed(capacity);
        // INVARIANT: As asserted.
        Self {
            memory,
            capacity,
            watermark,
            tail: Word::new(start),
            due: Word::new(start),
            lossy: Word::new(0),
            lost_at: Word::new(start),
        }
    }

    /// Gives the two ends of the ring, once `share` has put it where both can reach it. A ring that
    /// drops its oldest event has no consumer: its producer takes events out, too.
    pub(crate) fn share<E>(
        self,
        overflow: Overflow,
        share: impl FnOnce(Self) -> Result<Arc<Self>, E>,
    ) -> Result<(Producer<M>, Option<Consumer<M>>), E> {
        let ring = share(self)?;
        let start = ring.tail.load_relaxed();
        // INVARIANT: This is called but once for a ring, and the new ends are the only ones.
        let consumer = match overflow {
            Overflow::DropNewest => Some(Consumer { ring: ring.clone() }),
            Overflow::DropOldest => None,
        };
        Ok((
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
        ))
    }

    /// Where the ring lies.
    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// How many events wait.
    pub(crate) fn depth(&self) -> u32 {
        let tail = self.tail.load_relaxed();
        tail.wrapping_sub(self.head(tail))
    }

    /// Whether as many events wait as the watermark asks for, or the ring is full, or the oldest
    /// event has waited long enough.
    pub(crate) fn is_readable(&self) -> bool {
        let tail = self.tail.load_relaxed();
        let head = self.head(tail);
        let depth = tail.wrapping_sub(head);
        let due = self.due.load_relaxed().wrapping_sub(head);
        depth >= self.watermark || depth == self.capacity || (1 <= due && due <= depth)
    }

    /// Whether an event was lost since one was last taken.
    pub(crate) fn lost_since_read(&self) -> bool {
        let tail = self.tail.load_relaxed();
        self.lossy.load_relaxed() != 0 && self.lost_at.load_relaxed() == self.head(tail)
    }

    /// Has all events that wait now wait no longer.
    pub(crate) fn end_wait(&self) {
        self.due.store_relaxed(self.tail.load_relaxed());
    }

    /// The position of the oldest event. A program's nonsense counts as a full ring.
    #[inline]
    fn head(&self, tail: u32) -> u32 {
        self.sane(self.memory.control().head.load_relaxed(), tail)
    }

    /// The same for the producer, which may use the slots before it anew.
    #[inline]
    fn head_to_reuse(&self, tail: u32) -> u32 {
        // Pairs with the release with which the consumer is done with them.
        self.sane(self.memory.control().head.load_acquire(), tail)
    }

    #[inline]
    fn sane(&self, head: u32, tail: u32) -> u32 {
        if tail.wrapping_sub(head) <= self.capacity {
            head
        } else {
            tail.wrapping_sub(self.capacity)
        }
    }

    fn set_head(&self, head: u32) {
        self.memory.control().head.store_release(head);
        self.lossy.store_relaxed(0);
    }

    /// Remembers a loss until the next read; `head` is the ring's.
    fn set_lossy(&self, head: u32) {
        self.lost_at.store_relaxed(head);
        self.lossy.store_relaxed(1);
    }

    fn index(&self, position: u32) -> u32 {
        position & (self.memory.slots() - 1)
    }
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
    /// It was lost, the first since the last read.
    FirstLost,
    /// It was lost, too.
    Lost,
}

/// The end that events go in.
///
/// # Invariants
///
/// - It is the only producer of its ring, and `tail` is the ring's.
/// - A ring with [`Overflow::DropOldest`] has no consumer.
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
    /// The ring.
    pub(crate) fn ring(&self) -> &Arc<Ring<M>> {
        &self.ring
    }

    /// What became of all events.
    pub(crate) fn account(&self) -> Account {
        self.account
    }

    /// The event that would be taken next.
    pub(crate) fn oldest(&self) -> Option<Event> {
        let head = self.ring.head(self.tail);
        // SAFETY: The index is below the number of slots, and only this end writes to them.
        (head != self.tail).then(|| unsafe { *self.ring.memory.slot(self.ring.index(head)) })
    }

    /// The number of the event that was taken last.
    pub(crate) fn delivered(&self) -> u32 {
        match self.overflow {
            Overflow::DropNewest => self.ring.head(self.tail),
            Overflow::DropOldest => self.delivered,
        }
    }

    /// Whether this end takes events out, too.
    pub(crate) fn takes_out(&self) -> bool {
        self.overflow == Overflow::DropOldest
    }

    /// Queues an event, of which `lost`, `sequence` and what was lost are the ring's to fill in.
    #[inline(always)]
    pub(crate) fn push(&mut self, event: Event) -> Pushed {
        self.account.generated += 1;
        self.put(event)
    }

    /// Queues an event that was taken from the ring before this one, with the losses that it tells
    /// of.
    pub(crate) fn carry(&mut self, event: Event) {
        self.put(event);
    }

    /// Goes on to remember a loss of the ring before this one, if nothing was read there since. To
    /// be called before events are taken out of it, each time.
    pub(crate) fn carry_loss(&mut self, old: &Self) {
        if old.ring.lost_since_read() {
            self.ring.set_lossy(self.ring.head(self.tail));
        }
    }

    /// Takes over what the producer of the ring before this one knew; all of its events were
    /// carried.
    pub(crate) fn adopt(&mut self, old: &Self) {
        self.unreported += old.unreported + old.lost_before_head;
        self.account.generated += old.account.generated;
        self.account.lost += old.account.lost;
        self.account.high_water = self.account.high_water.max(old.account.high_water);
    }

    // Inlined, as each event of an interrupt passes here.
    #[inline(always)]
    fn put(&mut self, mut event: Event) -> Pushed {
        let ring = &*self.ring;
        let mut head = ring.head_to_reuse(self.tail);
        if self.tail.wrapping_sub(head) == ring.capacity {
            self.account.lost += 1;
            if self.overflow == Overflow::DropNewest {
                self.unreported += 1 + u64::from(event.lost);
                let first = !ring.lost_since_read();
                ring.set_lossy(head);
                return if first {
                    Pushed::FirstLost
                } else {
                    Pushed::Lost
                };
            }
            // SAFETY: The oldest event waits in this slot, and by the type invariant there is no
            // consumer.
            let oldest = unsafe { *ring.memory.slot(ring.index(head)) };
            self.lost_before_head += 1 + u64::from(oldest.lost);
            head = head.wrapping_add(1);
            ring.set_head(head);
            ring.set_lossy(head);
        }

        let unreported = self.unreported + u64::from(event.lost);
        event.lost = u32::try_from(unreported).unwrap_or(u32::MAX);
        self.unreported = unreported - u64::from(event.lost);
        let index = ring.index(self.tail);
        self.tail = self.tail.wrapping_add(1);
        event.sequence = self.tail;
        // SAFETY: The index is below the number of slots. The slot is not between `head` and
        // `tail`, so the consumer is done with it.
        unsafe { ring.memory.write(index, event) };
        publish([&ring.tail, &ring.memory.control().tail], self.tail);

        let depth = self.tail.wrapping_sub(head);
        self.account.high_water = self.account.high_water.max(depth);
        Pushed::Queued(depth)
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
            // SAFETY: An event waits in this slot, and by the type invariant there is no consumer.
            *event = unsafe { *ring.memory.slot(ring.index(head.wrapping_add(offset))) };
            self.delivered = self.delivered.wrapping_add(1);
            event.sequence = self.delivered;
            let lost = self.lost_before_head + u64::from(event.lost);
            event.lost = u32::try_from(lost).unwrap_or(u32::MAX);
            self.lost_before_head = lost - u64::from(event.lost);
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
            // SAFETY: The slot before the oldest event is free, as there are fewer events than
            // slots, and by the type invariant there is no consumer.
            unsafe { ring.memory.write(ring.index(head), *event) };
            ring.set_head(head);
            let depth = self.tail.wrapping_sub(head);
            self.account.high_water = self.account.high_water.max(depth);
        }
        if !events.is_empty() && events.len() == self.taken_after_loss {
            ring.set_lossy(ring.head(self.tail));
        }
    }
}

/// The end that events come out.
///
/// # Invariants
///
/// It is the only consumer in the kernel of its ring.
pub(crate) struct Consumer<M> {
    ring: Arc<Ring<M>>,
}

impl<M: Memory> Consumer<M> {
    /// Takes the oldest events, `max` at most. `copy` gets one or two runs of them, as a pointer to
    /// the first and their number, and says how many of them it took. Returns how many that were in
    /// all; the others stay.
    ///
    /// What is behind the pointer changes only if a program that mapped the ring stores a wrong
    /// head meanwhile: `copy` must not rely on it.
    pub(crate) fn take(
        &mut self,
        max: usize,
        mut copy: impl FnMut(*const Event, usize) -> usize,
    ) -> usize {
        let ring = &*self.ring;
        let tail = ring.tail.load_acquire();
        let head = ring.head(tail);
        let index = ring.index(head);
        let count = max.min(tail.wrapping_sub(head) as usize);
        let first = count.min((ring.memory.slots() - index) as usize);
        if count == 0 {
            return 0;
        }
        let mut taken = copy(ring.memory.slot(index).cast_const(), first);
        if taken == first && count > first {
            taken += copy(ring.memory.slot(0).cast_const(), count - first);
        }
        if taken > 0 {
            ring.set_head(head.wrapping_add(taken as u32));
        }
        taken
    }

    /// Takes the oldest events, as many as there are and `events` has room for. Returns how many.
    pub(crate) fn take_into(&mut self, events: &mut [Event]) -> usize {
        let mut filled = 0;
        self.take(events.len(), |from, count| {
            let to = events[filled..filled + count].as_mut_ptr();
            // SAFETY: `from` points to `count` events, `to` to as many others.
            unsafe { ptr::copy_nonoverlapping(from, to, count) };
            filled += count;
            count
        })
    }
}
