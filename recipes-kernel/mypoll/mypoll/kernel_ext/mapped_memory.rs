// SPDX-License-Identifier: GPL-2.0-only

//! Memory for a ring that programs can map.
//!
//! C header: [`include/linux/vmalloc.h`](srctree/include/linux/vmalloc.h)

use super::ring::{
    Consumer,
    Control,
    Memory,
    Producer,
    Ring, //
};
use crate::{
    compat::VM_MAYSHARE,
    settings::Settings,
    uapi::{
        self,
        Event, //
    }, //
};
use core::{
    mem::size_of,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    error::to_result,
    ffi,
    mm::virt::VmaNew,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc, //
};

// Some kernel configurations leave types in this structure without a field.
#[allow(improper_ctypes)]
extern "C" {
    fn mypoll_vmalloc_user(size: usize) -> *mut ffi::c_void;
    fn vfree(address: *const ffi::c_void);
    fn mypoll_map_vmalloc(
        vma: *mut bindings::vm_area_struct,
        address: *const ffi::c_void,
    ) -> ffi::c_int;
}

/// A page with a ring's control words, and whole pages with its slots.
///
/// # Invariants
///
/// `base` points to an area of `mypoll_vmalloc_user()`: a page, and then `slots` slots. Both began as
/// zeroes, which are valid.
pub(crate) struct MappedMemory {
    base: NonNull<u8>,
    slots: u32,
}

// SAFETY: The area may be accessed and freed from any thread.
unsafe impl Send for MappedMemory {}
// SAFETY: The control words are atomic. What shares the slots is the ring's business.
unsafe impl Sync for MappedMemory {}

impl MappedMemory {
    fn new(slots: u32) -> Result<Self> {
        let size = PAGE_SIZE + slots as usize * size_of::<Event>();
        // SAFETY: May be called in process context, with any size.
        let base = NonNull::new(unsafe { mypoll_vmalloc_user(size) }).ok_or(ENOMEM)?;
        // INVARIANT: The area is new, and zeroed.
        Ok(Self {
            base: base.cast(),
            slots,
        })
    }

    /// Maps the control words or the slots, as the area's offset asks, and no more.
    ///
    /// `EINVAL` for another offset or length or a private mapping, `EPERM` when the slots are to be
    /// writable.
    pub(crate) fn map(&self, vma: &VmaNew) -> Result {
        // SAFETY: The area is valid and being set up.
        let offset = (unsafe { (*vma.as_ptr()).vm_pgoff } as u64) << PAGE_SHIFT;
        let (first_page, size) = match offset {
            uapi::OFF_RING => (0, PAGE_SIZE),
            uapi::OFF_EVENTS => {
                let slots = self.slots as usize * size_of::<Event>();
                (1, slots.next_multiple_of(PAGE_SIZE))
            }
            _ => return Err(EINVAL),
        };
        // Not `SHARED`, which the mapping of a file that is open for reading alone lacks.
        if vma.end() - vma.start() != size || vma.flags() & VM_MAYSHARE == 0 {
            return Err(EINVAL);
        }
        if offset == uapi::OFF_EVENTS {
            vma.try_clear_maywrite().map_err(|_| EPERM)?;
        }
        vma.set_dontexpand();
        vma.set_dontdump();
        let address = self.base.as_ptr().wrapping_add(first_page * PAGE_SIZE);
        // SAFETY: The area is being set up, and is as long as what begins at `address`, by the type
        // invariant. The pages stay as long as they are mapped.
        to_result(unsafe { mypoll_map_vmalloc(vma.as_ptr(), address.cast()) })
    }
}

impl Drop for MappedMemory {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is an area of `vmalloc()`.
        unsafe { vfree(self.base.as_ptr().cast()) }
    }
}

// SAFETY: The control words and the slots are where the type invariant says; only the ring has a
// use for `slot`.
unsafe impl Memory for MappedMemory {
    #[inline]
    fn control(&self) -> &Control {
        // SAFETY: By the type invariant the first page holds the words, of which each value is
        // valid, and which are atomic.
        unsafe { self.base.cast().as_ref() }
    }

    #[inline]
    fn slots(&self) -> u32 {
        self.slots
    }

    #[inline]
    fn slot(&self, index: u32) -> *mut Event {
        self.base
            .as_ptr()
            .wrapping_add(PAGE_SIZE)
            .cast::<Event>()
            .wrapping_add(index as usize)
    }
}

/// Makes a ring as `settings` want it, the first event of which gets position `start`.
pub(crate) fn ring(
    settings: &Settings,
    start: u32,
) -> Result<(Producer<MappedMemory>, Option<Consumer<MappedMemory>>)> {
    let memory = MappedMemory::new(settings.capacity.next_power_of_two())?;
    Ring::new(memory, settings.capacity, settings.watermark_events, start)
        .share(settings.overflow, |ring| {
            Ok(Arc::new(ring, GFP_KERNEL_ACCOUNT)?)
        })
}
