// SPDX-License-Identifier: GPL-2.0-only

//! Asynchronous notification: `O_ASYNC` files and their `SIGIO`.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use core::{
    cell::UnsafeCell,
    ptr, //
};
use kernel::{
    bindings,
    error::to_result,
    ffi,
    prelude::*, //
};

/// The files with `SIGIO` enabled, a `struct fasync_struct *`.
///
/// # Invariants
///
/// `head` is only passed to `fasync_helper()` and `kill_fasync()`, which serialise its use. Every
/// file in the list is open, and is removed from it when it is closed.
pub(crate) struct FasyncList {
    head: UnsafeCell<*mut bindings::fasync_struct>,
}

// SAFETY: `fasync_helper()` takes the list's lock and `kill_fasync()` runs under RCU, in any
// context.
unsafe impl Send for FasyncList {}
// SAFETY: As above.
unsafe impl Sync for FasyncList {}

impl FasyncList {
    /// Creates an empty list.
    pub(crate) fn new() -> Self {
        // INVARIANT: A null pointer is the empty list.
        Self {
            head: UnsafeCell::new(ptr::null_mut()),
        }
    }

    /// Sends the signal of each file, with `POLL_IN`. May be called in any context.
    #[inline]
    pub(crate) fn notify_readable(&self) {
        // SAFETY: A plain load of a word that is written atomically. A file that is being added
        // concurrently cannot rely on this signal.
        if unsafe { self.head.get().read_volatile() }.is_null() {
            return;
        }
        // SAFETY: By the type invariant `head` is a list that `kill_fasync()` may walk.
        unsafe {
            bindings::kill_fasync(
                self.head.get(),
                bindings::SIGIO as ffi::c_int,
                bindings::POLL_IN as ffi::c_int,
            )
        }
    }

    /// Adds a file to the list or removes it, as requested by the `fasync` file operation.
    ///
    /// # Safety
    ///
    /// `file` is a valid file, and `fd` and `on` are the arguments of its `fasync` operation. No caller
    /// leaves `file` on a list when it is closed.
    pub(crate) unsafe fn update(
        &self,
        fd: ffi::c_int,
        file: *mut bindings::file,
        on: ffi::c_int,
    ) -> Result {
        // SAFETY: By the type invariant `head` is a list for `fasync_helper()`; the safety
        // requirements cover the arguments.
        to_result(unsafe { bindings::fasync_helper(fd, file, on, self.head.get()) })
    }
}
