// SPDX-License-Identifier: GPL-2.0-only

//! Memory for a ring on the host.

use std::cell::UnsafeCell;

use crate::abstractions::ring::{Control, Memory};
use crate::uapi::Event;

pub(crate) struct HeapMemory {
    control: Control,
    slots: Box<[UnsafeCell<Event>]>,
}

// SAFETY: The ring says who accesses a slot.
unsafe impl Sync for HeapMemory {}

impl HeapMemory {
    pub(crate) fn new(slots: u32) -> Self {
        Self {
            control: Control::new(),
            slots: (0..slots).map(|_| UnsafeCell::default()).collect(),
        }
    }
}

// SAFETY: Nothing else accesses the slots.
unsafe impl Memory for HeapMemory {
    fn control(&self) -> &Control {
        &self.control
    }

    fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    fn slot(&self, index: u32) -> *mut Event {
        // Not by way of one slot: what follows it is read through the same pointer.
        let first = self.slots.as_ptr().cast::<Event>().cast_mut();
        first.wrapping_add(index as usize)
    }
}
