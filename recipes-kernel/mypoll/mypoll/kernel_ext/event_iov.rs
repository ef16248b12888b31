// SPDX-License-Identifier: GPL-2.0-only

//! Whole events to a reader's buffer.
//!
//! C header: [`include/linux/uio.h`](srctree/include/linux/uio.h)

use super::{
    mapped_memory::MappedMemory,
    ring::Consumer, //
};
use crate::uapi::Event;
use core::mem::size_of;
use kernel::{
    bindings,
    iov::IovIterDest, //
};

/// Takes events out of a ring to a reader's buffer, as many as there are and fit whole. Returns how
/// many, `None` when there was none; what could not be written stays in the ring.
pub(crate) fn take(
    consumer: &mut Consumer<MappedMemory>,
    iov: &mut IovIterDest<'_>,
) -> Option<usize> {
    let max = iov.len() / size_of::<Event>();
    let mut was_empty = true;
    let taken = consumer.take(max, |events, count| {
        was_empty = false;
        // SAFETY: The ring gives that many events.
        unsafe { copy(events, count, iov) }
    });
    (!was_empty).then_some(taken)
}

/// Copies events to a reader's buffer. Returns how many arrived whole.
pub(crate) fn copy_all(events: &[Event], iov: &mut IovIterDest<'_>) -> usize {
    // SAFETY: These are that many events.
    unsafe { copy(events.as_ptr(), events.len(), iov) }
}

/// # Safety
///
/// `events` points to `count` events, which may change.
unsafe fn copy(events: *const Event, count: usize, iov: &mut IovIterDest<'_>) -> usize {
    // SAFETY: By the safety requirements so many bytes can be read. Events have no padding: see
    // the sizes in uapi/mypoll.rs.
    let copied =
        unsafe { bindings::_copy_to_iter(events.cast(), count * size_of::<Event>(), iov.as_raw()) };
    copied / size_of::<Event>()
}
