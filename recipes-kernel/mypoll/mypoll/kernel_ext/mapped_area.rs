// SPDX-License-Identifier: GPL-2.0-only

//! Memory that programs can map: a page of words that they may write, and records that they may only
//! read.
//!
//! The kernel crate has no mappable `vmalloc()` area.
//!
//! C header: [`include/linux/vmalloc.h`](srctree/include/linux/vmalloc.h)

use super::sync::Word;
use core::{
    marker::PhantomData,
    mem::size_of,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    error::to_result,
    ffi,
    iov::IovIterDest,
    mm::virt::{
        flags,
        VmaNew, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    transmute::{
        AsBytes,
        FromBytes, //
    }, //
};

// In some kernel configurations, types in this structure have no fields.
#[allow(improper_ctypes)]
extern "C" {
    fn mypoll_vmalloc_user(size: usize) -> *mut ffi::c_void;
    fn vfree(address: *const ffi::c_void);
    fn mypoll_map_vmalloc(
        vma: *mut bindings::vm_area_struct,
        address: *const ffi::c_void,
    ) -> ffi::c_int;
}

/// A page of words, the header, and whole pages of records. Initially zeroed.
///
/// Records are accessed with volatile loads and stores, because a program that has mapped them may
/// read them at any time.
///
/// # Invariants
///
/// `base` points to an area of `mypoll_vmalloc_user()`, which this owns: a page, then `slots` records
/// of type `T`. `slots` is a power of two.
pub(crate) struct MappedArea<T> {
    base: NonNull<u8>,
    slots: u32,
    _records: PhantomData<T>,
}

// SAFETY: The area may be accessed and freed from any thread; records are plain bytes.
unsafe impl<T: AsBytes + FromBytes> Send for MappedArea<T> {}
// SAFETY: The header is atomic, and records are accessed by volatile accesses of plain bytes.
unsafe impl<T: AsBytes + FromBytes> Sync for MappedArea<T> {}

/// Which part of an area to map.
pub(crate) enum Part {
    /// The header, which may be mapped writable.
    Header,
    /// The records, which may not.
    Records,
}

impl<T: AsBytes + FromBytes + Copy> MappedArea<T> {
    /// Returns the number of pages of an area for `slots` records.
    pub(crate) fn pages(slots: u32) -> usize {
        1 + (slots as usize * size_of::<T>()).div_ceil(PAGE_SIZE)
    }

    /// Allocates an area for `slots` records, rounded up to a power of two. The memory is charged to
    /// the memory cgroup of the calling task. May sleep.
    pub(crate) fn new(slots: u32) -> Result<Self> {
        let slots = slots.checked_next_power_of_two().ok_or(EINVAL)?;
        let size = Self::pages(slots) * PAGE_SIZE;
        // SAFETY: May be called in process context, with any size.
        let base = NonNull::new(unsafe { mypoll_vmalloc_user(size) }).ok_or(ENOMEM)?;
        // INVARIANT: The area is new and has this size.
        Ok(Self {
            base: base.cast(),
            slots,
            _records: PhantomData,
        })
    }

    /// Returns the number of records, a power of two.
    #[inline]
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// Returns the first words of the header.
    #[inline]
    pub(crate) fn header<const WORDS: usize>(&self) -> &[Word; WORDS] {
        const { assert!(WORDS * size_of::<Word>() <= PAGE_SIZE) };
        // SAFETY: By the type invariant the first page exists. Any value is valid as words, and
        // it is only accessed atomically.
        unsafe { self.base.cast().as_ref() }
    }

    #[inline]
    fn slot(&self, index: u32) -> *mut T {
        // The mask keeps it inside the area.
        let index = index & (self.slots - 1);
        self.base
            .as_ptr()
            .wrapping_add(PAGE_SIZE)
            .cast::<T>()
            .wrapping_add(index as usize)
    }

    /// Reads the record at this index, modulo their number.
    #[inline]
    pub(crate) fn read(&self, index: u32) -> T {
        // SAFETY: By the type invariant the slot is in the area; any bytes make a `T`.
        unsafe { self.slot(index).read_volatile() }
    }

    /// Writes the record at this index, modulo their number.
    #[inline]
    pub(crate) fn write(&self, index: u32, record: T) {
        const { assert!(size_of::<T>() % size_of::<u64>() == 0) };
        let slot = self.slot(index).cast::<u64>();
        let words = (&raw const record).cast::<u64>();
        for word in 0..size_of::<T>() / size_of::<u64>() {
            // SAFETY: By the type invariant the slot is in the area, and both have this many words,
            // without padding.
            unsafe {
                slot.add(word)
                    .write_volatile(words.add(word).read_unaligned())
            };
        }
    }

    /// Copies `count` records, from this index up to the last slot, to a reader's buffer. Returns how
    /// many were copied completely.
    pub(crate) fn copy_to_iter(
        &self,
        index: u32,
        count: usize,
        iov: &mut IovIterDest<'_>,
    ) -> usize {
        let first = self.slot(index);
        let count = count.min((self.slots - (index & (self.slots - 1))) as usize);
        // SAFETY: By the type invariant this many bytes can be read. They may change concurrently,
        // which is harmless when copying bytes.
        let copied =
            unsafe { bindings::_copy_to_iter(first.cast(), count * size_of::<T>(), iov.as_raw()) };
        copied / size_of::<T>()
    }

    /// Maps a part into a program, completely and with `MAP_SHARED`. Neither part can be executable.
    ///
    /// `EINVAL` for another length or a private mapping, `EPERM` for writable records, or if either part
    /// is to be executable.
    pub(crate) fn map(&self, part: Part, vma: &VmaNew) -> Result {
        let pages = Self::pages(self.slots);
        let (first, count) = match part {
            Part::Header => (0, 1),
            Part::Records => (1, pages - 1),
        };
        // Not `SHARED`, which is unset if the file is open only for reading.
        if vma.end() - vma.start() != count * PAGE_SIZE || vma.flags() & flags::MAYSHARE == 0 {
            return Err(EINVAL);
        }
        vma.try_clear_mayexec().map_err(|_| EPERM)?;
        if let Part::Records = part {
            vma.try_clear_maywrite().map_err(|_| EPERM)?;
        }
        vma.set_dontexpand();
        vma.set_dontdump();
        let address = self.base.as_ptr().wrapping_add(first * PAGE_SIZE);
        // SAFETY: The VMA is being set up, and is as long as the memory at `address`, by the type
        // invariant. The pages live while they are mapped.
        to_result(unsafe { mypoll_map_vmalloc(vma.as_ptr(), address.cast()) })
    }
}

impl<T> Drop for MappedArea<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is an area of `vmalloc()`. May be called in an RCU
        // callback.
        unsafe { vfree(self.base.as_ptr().cast()) }
    }
}

/// Returns the offset in bytes in the mapping request `vma`.
pub(crate) fn map_offset(vma: &VmaNew) -> u64 {
    // SAFETY: The VMA is valid and being set up.
    (unsafe { (*vma.as_ptr()).vm_pgoff } as u64) << PAGE_SHIFT
}
