// SPDX-License-Identifier: MIT OR Apache-2.0
//! The mapped ring of a queue.
#![expect(unsafe_code, reason = "mapped memory is raw pointers")]

mod consumer;

use std::{
    marker::PhantomData,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    sync::atomic::AtomicU32,
};

use memmap2::{MmapOptions, MmapRaw};

use self::consumer::Waiting;
use super::{Queue, Record, Stats};
use crate::{Error, Info, Levels, LineInfo, uapi};

/// The mapped ring of a queue, to take events without system calls.
///
/// Use it as a file to wait for events with poll or epoll.
///
/// # Examples
///
/// ```no_run
/// use mypoll::{Device, queue::Config};
/// use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
/// use std::os::fd::AsFd;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut ring = Device::open()?.into_queue(&Config::new())?.map()?;
/// loop {
///     for record in ring.drain() {
///         println!("{record}");
///     }
///     poll(&mut [PollFd::new(ring.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
/// }
/// # }
/// ```
///
/// # Invariants
///
/// `control` is the driver's `struct mypoll_ring`, mapped for reading and writing; `events` are its `mask + 1` slots,
/// mapped for reading. The memory stays valid as long as it is mapped.
#[derive(Debug)]
pub struct Ring {
    control: MmapRaw,
    events: MmapRaw,
    mask: u32,
    capacity: u32,
    queue: Queue,
}

impl Ring {
    pub(super) fn map(queue: Queue) -> Result<Self, Error> {
        let control = MmapOptions::new()
            .offset(uapi::OFF_RING)
            .len(size_of::<uapi::Ring>())
            .map_raw(&queue)
            .map_err(Error::Map)?;
        let ring: *const uapi::Ring = control.as_ptr().cast();
        // SAFETY: The mapping covers the structure and is page-aligned. Nobody writes these two fields while the queue
        // exists.
        let (mask, capacity) = unsafe { ((*ring).mask, (*ring).capacity) };

        let slots = u64::from(mask) + 1;
        if !slots.is_power_of_two() || u64::from(capacity) > slots || capacity > uapi::CAPACITY_MAX
        {
            return Err(Error::Ring { slots, capacity });
        }
        let events = MmapOptions::new()
            .offset(uapi::OFF_EVENTS)
            .len(slots as usize * size_of::<Record>())
            .map_raw_read_only(&queue)
            .map_err(Error::Map)?;
        // INVARIANT: A `Queue` is the driver's file, and these are what it maps there.
        Ok(Self {
            control,
            events,
            mask,
            capacity,
            queue,
        })
    }

    /// Takes the next event; `None` if the ring is empty.
    pub fn take(&mut self) -> Option<Record> {
        self.drain().next()
    }

    /// Takes the events that wait now, one by one. Dropping the iterator returns their slots to the driver; events that
    /// were not taken stay in the ring.
    pub fn drain(&mut self) -> Drain<'_> {
        let control: *mut uapi::Ring = self.control.as_mut_ptr().cast();
        // SAFETY: By the type's invariants both are aligned words of mapped memory, which outlives the borrow of
        // `self`; the driver accesses them as atomics, too.
        let (head, tail) = unsafe {
            (
                AtomicU32::from_ptr(&raw mut (*control).head),
                AtomicU32::from_ptr(&raw mut (*control).tail),
            )
        };
        // INVARIANT: `self` is borrowed for as long as this lives.
        Drain {
            waiting: Waiting::look(head, tail, self.capacity),
            head,
            events: self.events.as_ptr().cast(),
            mask: self.mask,
            ring: PhantomData,
        }
    }

    /// Like [`Queue::stats`].
    ///
    /// # Errors
    ///
    /// Same as [`Queue::stats`].
    pub fn stats(&self) -> Result<Stats, Error> {
        self.queue.stats()
    }

    /// Like [`Device::info`](crate::Device::info).
    ///
    /// # Errors
    ///
    /// Same as [`Device::info`](crate::Device::info).
    pub fn info(&self) -> Result<Info, Error> {
        self.queue.info()
    }

    /// Like [`Queue::levels`].
    ///
    /// # Errors
    ///
    /// Same as [`Queue::levels`].
    pub fn levels(&self) -> Result<Levels, Error> {
        self.queue.levels()
    }

    /// Like [`Device::line`](crate::Device::line).
    ///
    /// # Errors
    ///
    /// Same as [`Device::line`](crate::Device::line).
    pub fn line(&self, number: u32) -> Result<LineInfo, Error> {
        self.queue.line(number)
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.queue.as_raw_fd()
    }
}

/// Takes events out of a [`Ring`]; created by [`Ring::drain`].
///
/// # Invariants
///
/// `events` are the `mask + 1` slots of a ring that is borrowed while this exists.
#[derive(Debug)]
pub struct Drain<'a> {
    waiting: Waiting,
    head: &'a AtomicU32,
    events: *const Record,
    mask: u32,
    ring: PhantomData<&'a mut Ring>,
}

impl Iterator for Drain<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let slot = self.waiting.next()? & self.mask;
        // SAFETY: By the type's invariants there are `mask + 1` slots, mapped. Any bytes make a valid record. The driver
        // does not write to this one until `head` has passed it.
        Some(unsafe { self.events.add(slot as usize).read() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.waiting.size_hint()
    }

    /// Handles contiguous runs of slots: faster than one event at a time.
    fn fold<B, F: FnMut(B, Record) -> B>(mut self, mut accumulated: B, mut f: F) -> B {
        let slots = self.mask as usize + 1;
        loop {
            let (waiting, _) = self.waiting.size_hint();
            let Some(position) = self.waiting.next() else {
                return accumulated;
            };
            let slot = (position & self.mask) as usize;
            let run = waiting.min(slots - slot);
            for index in slot..slot + run {
                // SAFETY: As in `next`; the index is below the number of slots.
                accumulated = f(accumulated, unsafe { self.events.add(index).read() });
            }
            self.waiting.skip_positions(run - 1);
        }
    }
}

impl ExactSizeIterator for Drain<'_> {}

impl Drop for Drain<'_> {
    fn drop(&mut self) {
        self.waiting.release(self.head);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::FileExt as _};

    use tempfile::NamedTempFile;

    use super::*;
    use crate::Device;

    /// A file that stands in for the device: writes to it show up in its mappings.
    struct FakeRing(NamedTempFile);

    impl FakeRing {
        fn new(mask: u32, capacity: u32) -> Self {
            let ring = Self(NamedTempFile::new().unwrap());
            let slots = (u64::from(mask) + 1) * size_of::<Record>() as u64;
            ring.file().set_len(uapi::OFF_EVENTS + slots).unwrap();
            ring.set(128, mask);
            ring.set(132, capacity);
            ring
        }

        fn file(&self) -> &File {
            self.0.as_file()
        }

        /// Sets the word at an offset of `struct mypoll_ring`.
        fn set(&self, offset: u64, word: u32) {
            self.file()
                .write_all_at(&word.to_ne_bytes(), uapi::OFF_RING + offset)
                .unwrap();
        }

        fn head(&self) -> u32 {
            let mut word = [0; 4];
            self.file()
                .read_exact_at(&mut word, uapi::OFF_RING)
                .unwrap();
            u32::from_ne_bytes(word)
        }

        /// Puts an event with this sequence number in the slot of `position` of a ring of 4, and moves the tail past
        /// it.
        fn push(&self, position: u32, sequence: u32) {
            let slot = u64::from(position & 3) * size_of::<Record>() as u64;
            self.file()
                .write_all_at(&sequence.to_ne_bytes(), uapi::OFF_EVENTS + slot + 8)
                .unwrap();
            self.set(64, position.wrapping_add(1));
        }

        fn map(&self) -> Result<Ring, Error> {
            let device = Device::options().open(self.0.path()).unwrap();
            Queue { device }.map()
        }
    }

    #[test]
    fn events_are_taken_and_their_slots_returned() {
        let fake = FakeRing::new(3, 4);
        let mut ring = fake.map().unwrap();
        assert_eq!(ring.take(), None);
        for position in 0..3 {
            fake.push(position, position + 1);
        }
        assert_eq!(ring.take().unwrap().sequence(), 1);
        assert_eq!(fake.head(), 1);

        let mut drain = ring.drain();
        assert_eq!(drain.len(), 2);
        assert_eq!(drain.next().unwrap().sequence(), 2);
        assert_eq!(fake.head(), 1);
        drop(drain);
        assert_eq!(fake.head(), 2);
        fake.push(3, 4);
        let rest: Vec<u32> = ring.drain().map(|record| record.sequence()).collect();
        assert_eq!(rest, [3, 4]);
        assert_eq!(fake.head(), 4);
    }

    #[test]
    fn positions_and_slots_wrap() {
        let fake = FakeRing::new(3, 3);
        fake.set(0, u32::MAX);
        for (position, sequence) in [(u32::MAX, 8), (0, 9), (1, 10)] {
            fake.push(position, sequence);
        }
        let mut ring = fake.map().unwrap();
        let all: Vec<u32> = ring.drain().map(|record| record.sequence()).collect();
        assert_eq!(all, [8, 9, 10]);
        assert_eq!(fake.head(), 2);
    }

    #[test]
    fn runs_and_single_steps_return_the_same() {
        for (first, count) in [
            (0, 0),
            (0, 4),
            (1, 3),
            (3, 1),
            (u32::MAX, 2),
            (u32::MAX - 1, 4),
        ] {
            let fake = FakeRing::new(3, 4);
            fake.set(0, first);
            fake.set(64, first);
            for number in 0..count {
                fake.push(first.wrapping_add(number), number);
            }
            let mut ring = fake.map().unwrap();
            let mut all = Vec::new();
            ring.drain().for_each(|record| all.push(record.sequence()));
            assert_eq!(all, (0..count).collect::<Vec<_>>(), "from {first}");
            assert_eq!(fake.head(), first.wrapping_add(count));
        }
    }

    #[test]
    fn invalid_rings_are_refused() {
        for (mask, capacity) in [(2, 2), (3, 5), (131071, 65537)] {
            let error = FakeRing::new(mask, capacity).map().unwrap_err();
            assert!(matches!(error, Error::Ring { .. }), "{error}");
        }
        let device = Device::options().open("/dev/null").unwrap();
        assert!(matches!(Queue { device }.map(), Err(Error::Map(_))));
    }
}
