// SPDX-License-Identifier: GPL-2.0-only

//! A 64-bit counter with a single writer.

use kernel::sync::atomic::Atomic;
#[cfg(not(CONFIG_64BIT))]
use kernel::sync::atomic::Relaxed;

/// A counter that one context at a time increments and any context reads.
///
/// The kernel crate's [`Atomic`] calls a C function for each access. If a machine word has 64
/// bits, a relaxed access is the same as `READ_ONCE()` or `WRITE_ONCE()`.
#[repr(transparent)]
pub(crate) struct Counter(Atomic<u64>);

impl Counter {
    /// Creates a counter at 0.
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Returns the value.
    #[cfg(CONFIG_64BIT)]
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // SAFETY: The word is valid and aligned, and by the LKMM marked accesses don't race.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    /// Returns the value.
    #[cfg(not(CONFIG_64BIT))]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Adds 1 and returns the new value. Concurrent increments may be lost.
    #[inline]
    pub(crate) fn increment(&self) -> u64 {
        let value = self.get().wrapping_add(1);
        self.set(value);
        value
    }

    #[cfg(CONFIG_64BIT)]
    #[inline]
    fn set(&self, value: u64) {
        // SAFETY: As in `get`.
        unsafe { self.0.as_ptr().write_volatile(value) }
    }

    #[cfg(not(CONFIG_64BIT))]
    fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }
}
