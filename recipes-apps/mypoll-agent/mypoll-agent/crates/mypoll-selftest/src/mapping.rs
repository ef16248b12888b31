// SPDX-License-Identifier: MIT OR Apache-2.0

//! Mapped memory of the device.

use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use mypoll::uapi::{self, Event};
use nix::libc::c_void;
use nix::sys::mman::{MRemapFlags, MapFlags, ProtFlags, mmap, mprotect, mremap, munmap};

use crate::device::Device;
use crate::queue::{Queue, RECORD};

/// Reading and writing.
pub(crate) const READ_WRITE: ProtFlags = ProtFlags::PROT_READ.union(ProtFlags::PROT_WRITE);

/// A mapping, removed on drop.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: NonNull<c_void>,
    length: usize,
}

// SAFETY: The mapping belongs to the process, and its words are accessed as atomics.
unsafe impl Send for Mapping {}

impl Mapping {
    /// mmap(2) of a file with any arguments.
    pub(crate) fn new(
        file: impl AsFd,
        offset: u64,
        length: usize,
        protection: ProtFlags,
        flags: MapFlags,
    ) -> nix::Result<Self> {
        let length = NonZeroUsize::new(length).expect("a length of 0 is no mapping");
        // SAFETY: At an address that the kernel chooses, it overlaps nothing.
        let address = unsafe { mmap(None, length, protection, flags, file, offset as i64)? };
        Ok(Self {
            address,
            length: length.get(),
        })
    }

    /// mprotect(2).
    pub(crate) fn protect(&self, protection: ProtFlags) -> nix::Result<()> {
        // SAFETY: No reference to the mapping is held.
        unsafe { mprotect(self.address, self.length, protection) }
    }

    /// mremap(2) to another length, wherever there is room.
    pub(crate) fn resize(&mut self, length: usize) -> nix::Result<()> {
        // SAFETY: No reference to the mapping is held.
        let moved = unsafe {
            mremap(
                self.address,
                self.length,
                length,
                MRemapFlags::MREMAP_MAYMOVE,
                None,
            )?
        };
        (self.address, self.length) = (moved, length);
        Ok(())
    }

    /// The word at an offset.
    fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset % 4 == 0 && offset + 4 <= self.length, "no such word");
        // SAFETY: It is a word of the mapping, which lives as long as `self`; the driver accesses
        // it as an atomic, too.
        unsafe { AtomicU32::from_ptr(self.address.byte_add(offset).cast().as_ptr()) }
    }

    /// The event in a slot.
    fn event(&self, slot: u32) -> Event {
        let offset = slot as usize * RECORD;
        assert!(offset + RECORD <= self.length, "no such slot");
        // SAFETY: It is in the mapping, and any bytes are an event.
        unsafe {
            self.address
                .byte_add(offset)
                .cast::<Event>()
                .read_volatile()
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: No reference to the mapping outlives `self`.
        if let Err(errno) = unsafe { munmap(self.address, self.length) } {
            panic!("munmap: {errno}");
        }
    }
}

/// The mapped ring of a queue, read as uapi/mypoll.h requires.
#[derive(Debug)]
pub(crate) struct Ring {
    control: Mapping,
    events: Mapping,
}

impl Ring {
    /// Maps the ring of a queue.
    pub(crate) fn map(queue: &Queue) -> nix::Result<Self> {
        let control = Mapping::new(
            &**queue,
            uapi::OFF_RING,
            size_of::<uapi::Ring>(),
            READ_WRITE,
            MapFlags::MAP_SHARED,
        )?;
        let mask = control.word(std::mem::offset_of!(uapi::Ring, mask));
        let slots = mask.load(Ordering::Relaxed) as usize + 1;
        let events = Mapping::new(
            &**queue,
            uapi::OFF_EVENTS,
            slots * RECORD,
            ProtFlags::PROT_READ,
            MapFlags::MAP_SHARED,
        )?;
        Ok(Self { control, events })
    }

    /// Opens the device for a queue of `capacity` events, and maps its ring.
    pub(crate) fn of_capacity(device: &Device, capacity: u32) -> Result<(Queue, Self)> {
        let queue = Queue::of_capacity(device, capacity)?;
        let ring = Self::map(&queue)?;
        Ok((queue, ring))
    }

    /// The word of `struct mypoll_ring` at an offset.
    pub(crate) fn control(&self, offset: usize) -> &AtomicU32 {
        self.control.word(offset)
    }

    /// The position of the next event to take.
    pub(crate) fn head(&self) -> &AtomicU32 {
        self.control.word(std::mem::offset_of!(uapi::Ring, head))
    }

    /// The position after the last event.
    pub(crate) fn tail(&self) -> u32 {
        let tail = std::mem::offset_of!(uapi::Ring, tail);
        self.control.word(tail).load(Ordering::Acquire)
    }

    /// The number of slots minus one.
    pub(crate) fn mask(&self) -> u32 {
        let mask = std::mem::offset_of!(uapi::Ring, mask);
        self.control.word(mask).load(Ordering::Relaxed)
    }

    /// The number of events in a full ring.
    pub(crate) fn capacity(&self) -> u32 {
        let capacity = std::mem::offset_of!(uapi::Ring, capacity);
        self.control.word(capacity).load(Ordering::Relaxed)
    }

    /// Takes the next event.
    pub(crate) fn take(&self) -> Option<Event> {
        let head = self.head().load(Ordering::Relaxed);
        if head == self.tail() {
            return None;
        }
        let event = self.events.event(head & self.mask());
        self.head().store(head.wrapping_add(1), Ordering::Release);
        Some(event)
    }

    /// Takes events until there is none.
    pub(crate) fn drain(&self) -> Vec<Event> {
        std::iter::from_fn(|| self.take()).collect()
    }
}
