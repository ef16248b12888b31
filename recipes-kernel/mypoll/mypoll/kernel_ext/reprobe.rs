// SPDX-License-Identifier: GPL-2.0-only

//! Probes devices again after they were unbound.
//!
//! A device that loses a supplier is unbound. `DL_FLAG_AUTOPROBE_CONSUMER` binds it again when the
//! supplier's driver is bound again, but not when the supplier's device is removed and replaced by
//! another one.
//!
//! C header: [`include/linux/device.h`](srctree/include/linux/device.h)

use super::{
    device::as_raw,
    gpio::LeavingChip, //
};
use core::ptr::{
    self,
    NonNull, //
};
use kernel::{
    bindings,
    device::Device,
    error::to_result,
    ffi,
    prelude::*, //
};

// In some kernel configurations, types in these structures have no fields.
#[allow(improper_ctypes)]
extern "C" {
    fn mypoll_alloc_reprobe_queue() -> *mut bindings::workqueue_struct;
    fn mypoll_reprobe(
        queue: *mut bindings::workqueue_struct,
        dev: *mut bindings::device,
        chip: *mut bindings::device,
    ) -> ffi::c_int;
    fn destroy_workqueue(queue: *mut bindings::workqueue_struct);
}

/// A queue of devices to probe. Dropping it waits for all of them.
///
/// # Invariants
///
/// `queue` is a workqueue that nothing else destroys.
pub(crate) struct ReprobeQueue {
    queue: NonNull<bindings::workqueue_struct>,
}

// SAFETY: Workqueues may be used and destroyed by any thread.
unsafe impl Send for ReprobeQueue {}
// SAFETY: Workqueues serialise access to them.
unsafe impl Sync for ReprobeQueue {}

impl ReprobeQueue {
    /// Creates a queue.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: May be called at any time in process context.
        let queue = NonNull::new(unsafe { mypoll_alloc_reprobe_queue() });
        // INVARIANT: It was just created.
        Ok(Self {
            queue: queue.ok_or(ENOMEM)?,
        })
    }

    /// Probes `dev` with the matching driver once its driver and that of `chip` are unbound. While the
    /// probe returns `EPROBE_DEFER`, the driver core repeats it whenever a driver was bound to some
    /// device. May sleep.
    pub(crate) fn reprobe(&self, dev: &Device, chip: &LeavingChip) -> Result {
        let chip = chip.device().map_or(ptr::null_mut(), as_raw);
        // SAFETY: By the type invariant the queue is valid; `dev` is valid, and `chip` is valid or
        // null.
        to_result(unsafe { mypoll_reprobe(self.queue.as_ptr(), as_raw(dev), chip) })
    }
}

impl Drop for ReprobeQueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the queue is valid, and nothing uses it any longer.
        unsafe { destroy_workqueue(self.queue.as_ptr()) };
    }
}
