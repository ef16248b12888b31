// SPDX-License-Identifier: GPL-2.0-only

//! Words shared by threads, interrupt handlers and programs.

pub(crate) use super::compat::full_barrier;
pub(crate) use kernel::sync::Arc;

use super::compat::write_barrier;
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Release, //
};

/// A `u32` accessed by more than one of them.
///
/// The kernel crate's [`Atomic`] calls a C function for each access. A relaxed access is the same as
/// `READ_ONCE()` or `WRITE_ONCE()`, which are volatile accesses.
#[repr(transparent)]
pub(crate) struct Word(Atomic<u32>);

impl Word {
    pub(crate) const fn new(value: u32) -> Self {
        Self(Atomic::new(value))
    }

    #[inline]
    pub(crate) fn load_relaxed(&self) -> u32 {
        // SAFETY: The word is valid and aligned, and by the LKMM marked accesses don't race.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    #[inline]
    pub(crate) fn load_acquire(&self) -> u32 {
        self.0.load(Acquire)
    }

    #[inline]
    pub(crate) fn store_relaxed(&self, value: u32) {
        // SAFETY: As in `load_relaxed`.
        unsafe { self.0.as_ptr().write_volatile(value) }
    }

    #[inline]
    pub(crate) fn store_release(&self, value: u32) {
        self.0.store(value, Release)
    }
}

/// Stores `value` to both words, in order. A load-acquire of one of them sees all earlier writes:
/// whoever sees the value in the second word also sees it in the first one.
#[inline]
pub(crate) fn publish(words: [&Word; 2], value: u32) {
    for word in words {
        write_barrier();
        word.store_relaxed(value);
    }
}
