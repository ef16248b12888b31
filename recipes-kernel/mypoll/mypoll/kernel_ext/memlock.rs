// SPDX-License-Identifier: GPL-2.0-only

//! Kernel memory on behalf of a program, charged to its user under `RLIMIT_MEMLOCK`.
//!
//! Uses the counter and the rules of perf, io_uring and AF_XDP.
//!
//! C header: [`include/linux/sched/user.h`](srctree/include/linux/sched/user.h)

use kernel::{
    bindings,
    prelude::*, //
};

// In some kernel configurations, types in this structure have no fields.
#[allow(improper_ctypes)]
extern "C" {
    fn mypoll_memlock_charge(pages: usize) -> *mut bindings::user_struct;
    fn mypoll_memlock_uncharge(user: *mut bindings::user_struct, pages: usize);
}

/// Pages charged to a user, until this is dropped.
///
/// # Invariants
///
/// This owns a reference to `user`, to whom `pages` are charged.
pub(crate) struct Charge {
    user: *mut bindings::user_struct,
    pages: usize,
}

// SAFETY: The C side may be called from any thread.
unsafe impl Send for Charge {}
// SAFETY: A shared reference gives access to nothing.
unsafe impl Sync for Charge {}

impl Charge {
    /// Charges `pages` to the user of the calling task.
    ///
    /// `EPERM` if that exceeds `RLIMIT_MEMLOCK` and the task lacks CAP_IPC_LOCK.
    pub(crate) fn new(pages: usize) -> Result<Self> {
        // SAFETY: Called in process context.
        let user = unsafe { mypoll_memlock_charge(pages) };
        if user.is_null() {
            return Err(EPERM);
        }
        // INVARIANT: The pages were just charged.
        Ok(Self { user, pages })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { mypoll_memlock_uncharge(self.user, self.pages) };
    }
}
