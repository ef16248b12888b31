// SPDX-License-Identifier: GPL-2.0-only

//! What the ring's two ends synchronise with, in the kernel's terms.

use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Relaxed,
    Release, //
};
pub(crate) use kernel::sync::Arc;

/// A word that two threads, or the kernel and a program, share.
#[repr(transparent)]
pub(crate) struct Word(Atomic<u32>);

impl Word {
    pub(crate) const fn new(value: u32) -> Self {
        Self(Atomic::new(value))
    }

    #[inline]
    pub(crate) fn load_relaxed(&self) -> u32 {
        self.0.load(Relaxed)
    }

    #[inline]
    pub(crate) fn load_acquire(&self) -> u32 {
        self.0.load(Acquire)
    }

    #[inline]
    pub(crate) fn store_relaxed(&self, value: u32) {
        self.0.store(value, Relaxed)
    }

    #[inline]
    pub(crate) fn store_release(&self, value: u32) {
        self.0.store(value, Release)
    }
}
