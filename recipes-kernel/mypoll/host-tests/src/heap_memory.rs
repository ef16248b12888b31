// SPDX-License-Identifier: GPL-2.0-only

//! Memory for a ring on the host.

use std::array;
use std::cell::UnsafeCell;

use crate::kernel_ext::sync::Word;
use crate::queue::ring::{Header, Memory};
use crate::uapi::Event;

pub(crate) struct HeapMemory {
    header: Header,
    slots: Box<[UnsafeCell<Event>]>,
}

// SAFETY: The ring says who accesses a slot. Miri notices if it is wrong.
unsafe impl Sync for HeapMemory {}

impl HeapMemory {
    pub(crate) fn new(slots: u32) -> Self {
        Self {
            header: array::from_fn(|_| Word::new(0)),
            slots: (0..slots).map(|_| UnsafeCell::default()).collect(),
        }
    }

    /// The header and all slots. Must not run concurrently with other accesses.
    pub(crate) fn contents(&self) -> (Vec<u32>, Vec<Event>) {
        (
            self.header.iter().map(Word::load_relaxed).collect(),
            (0..self.slots()).map(|index| self.read(index)).collect(),
        )
    }
}

impl Memory for HeapMemory {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    fn read(&self, index: u32) -> Event {
        // SAFETY: As the ring has it, nobody writes to the slot.
        unsafe { *self.slots[index as usize].get() }
    }

    fn write(&self, index: u32, event: Event) {
        // SAFETY: As the ring has it, nobody else accesses the slot.
        unsafe { *self.slots[index as usize].get() = event }
    }
}
