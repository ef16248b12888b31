// SPDX-License-Identifier: GPL-2.0-only

//! The queues: data structures that neither wake anybody nor take a lock.

use crate::{
    kernel_ext::mapped_area::MappedArea,
    uapi::Event, //
};

pub(crate) mod owed;
pub(crate) mod ring;
pub(crate) mod settings;
pub(crate) mod shared;

/// The memory of a private queue's ring.
pub(crate) type Area = MappedArea<Event>;

impl ring::Memory for Area {
    #[inline]
    fn header(&self) -> &ring::Header {
        MappedArea::header(self)
    }

    #[inline]
    fn slots(&self) -> u32 {
        MappedArea::slots(self)
    }

    #[inline]
    fn read(&self, index: u32) -> Event {
        MappedArea::read(self, index)
    }

    #[inline]
    fn write(&self, index: u32, event: Event) {
        MappedArea::write(self, index, event)
    }
}
