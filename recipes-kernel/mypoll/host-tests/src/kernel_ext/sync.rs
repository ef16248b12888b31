// SPDX-License-Identifier: GPL-2.0-only

//! Synchronisation of the ring's two ends, on the host or under loom.

#[cfg(loom)]
use loom::sync::atomic::{fence, AtomicU32, Ordering::*};
#[cfg(not(loom))]
use std::sync::atomic::{fence, AtomicU32, Ordering::*};

#[cfg(loom)]
pub(crate) use loom::sync::Arc;
#[cfg(not(loom))]
pub(crate) use std::sync::Arc;

/// A word of `struct mypoll_ring`. The same size, except under loom.
#[repr(transparent)]
pub(crate) struct Word(AtomicU32);

impl Word {
    pub(crate) fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    /// The word as the client crate sees it.
    pub(crate) fn atomic(&self) -> &AtomicU32 {
        &self.0
    }

    pub(crate) fn load_relaxed(&self) -> u32 {
        self.0.load(Relaxed)
    }

    pub(crate) fn load_acquire(&self) -> u32 {
        self.0.load(Acquire)
    }

    pub(crate) fn store_relaxed(&self, value: u32) {
        self.0.store(value, Relaxed)
    }

    pub(crate) fn store_release(&self, value: u32) {
        self.0.store(value, Release)
    }
}

pub(crate) fn publish(words: [&Word; 2], value: u32) {
    for word in words {
        fence(Release);
        word.store_relaxed(value);
    }
}
