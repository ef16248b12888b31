// SPDX-License-Identifier: GPL-2.0-only

//! An interrupt that wakes the machine from suspend while `power/wakeup` of its device in sysfs is
//! `enabled`.
//!
//! The kernel crate's platform driver has no `suspend` and `resume`. Notifications before tasks are
//! frozen and after they are thawed are sufficient, because nothing else happens there.
//!
//! C headers: [`include/linux/pm_wakeup.h`](srctree/include/linux/pm_wakeup.h),
//! [`include/linux/suspend.h`](srctree/include/linux/suspend.h)

use super::device::as_raw;
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    error::to_result,
    ffi,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
    },
    types::Opaque, //
};

// In some kernel configurations, types in these structures have no fields.
#[allow(improper_ctypes)]
extern "C" {
    fn mypoll_device_init_wakeup(dev: *mut bindings::device) -> ffi::c_int;
    fn mypoll_device_may_wakeup(dev: *mut bindings::device) -> bool;
    fn mypoll_pm_wakeup_event(dev: *mut bindings::device, msec: ffi::c_uint);
    fn mypoll_register_pm_notifier(nb: *mut bindings::notifier_block) -> ffi::c_int;
    fn mypoll_unregister_pm_notifier(nb: *mut bindings::notifier_block);
}

/// An interrupt that wakes the machine, until this is dropped.
///
/// # Invariants
///
/// `notifier` is registered, with `callback` as its function.
#[pin_data(PinnedDrop)]
pub(crate) struct WakeupInterrupt {
    dev: ARef<Device>,
    irq: u32,
    /// Whether it can wake the machine now, 0 or 1. Notifications do not run concurrently.
    armed: Atomic<u32>,
    #[pin]
    notifier: Opaque<bindings::notifier_block>,
}

// SAFETY: The notifier may be unregistered on any thread, and the rest is `Send`.
unsafe impl Send for WakeupInterrupt {}
// SAFETY: Only the C side accesses the notifier, and the rest is `Sync`.
unsafe impl Sync for WakeupInterrupt {}

impl WakeupInterrupt {
    /// Registers the interrupt `irq` of `dev`, which [`try_irq`] has checked, as a wakeup source. `dev`
    /// gets a `power/wakeup`, which is initially `enabled`.
    pub(crate) fn new(dev: &Device<Bound>, irq: u32) -> Result<Pin<KBox<Self>>> {
        // SAFETY: `dev` is valid and bound: what is set up here ends when it is unbound.
        to_result(unsafe { mypoll_device_init_wakeup(as_raw(dev)) })?;
        KBox::try_pin_init(
            try_pin_init!(Self {
                dev: ARef::from(&**dev),
                irq,
                armed: Atomic::new(0),
                // INVARIANT: It is registered here, with `callback`. Last, because it may be called
                // immediately.
                notifier <- Opaque::try_ffi_init(|slot: *mut bindings::notifier_block| {
                    let notifier = bindings::notifier_block {
                        notifier_call: Some(Self::callback),
                        ..Default::default()
                    };
                    // SAFETY: `slot` is valid for writes.
                    unsafe { slot.write(notifier) };
                    // SAFETY: `slot` is pinned, and unregistered before it is dropped.
                    to_result(unsafe { mypoll_register_pm_notifier(slot) })
                }),
            }),
            GFP_KERNEL,
        )
    }

    /// Records that the interrupt occurred: prevents a new suspend for `ms` milliseconds. May be called
    /// in any context.
    pub(crate) fn occurred(&self, ms: u32) {
        // SAFETY: `dev` is valid.
        unsafe { mypoll_pm_wakeup_event(as_raw(&self.dev), ms) };
    }

    fn arm(&self) -> Result {
        // SAFETY: `dev` is valid.
        if unsafe { mypoll_device_may_wakeup(as_raw(&self.dev)) } {
            set_irq_wake(self.irq, true).inspect_err(|error| {
                dev_err!(
                    self.dev,
                    "interrupt {} can't wake the machine: {error:?}\n",
                    self.irq
                );
            })?;
            self.armed.store(1, Relaxed);
        }
        Ok(())
    }

    fn disarm(&self) {
        if self.armed.xchg(0, Relaxed) == 1 {
            // It was armed, so this cannot fail.
            let _ = set_irq_wake(self.irq, false);
        }
    }

    /// # Safety
    ///
    /// Called by the notifier chain for the notifier of a `Self`.
    unsafe extern "C" fn callback(
        notifier: *mut bindings::notifier_block,
        action: ffi::c_ulong,
        _data: *mut ffi::c_void,
    ) -> ffi::c_int {
        // SAFETY: By the safety requirements the notifier is the field of a `Self`, whose drop
        // waits for this to return.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(notifier), Self, notifier) };
        let result = match action as u32 {
            bindings::PM_SUSPEND_PREPARE => this.arm(),
            bindings::PM_POST_SUSPEND => {
                this.disarm();
                Ok(())
            }
            _ => Ok(()),
        };
        // Suspend must fail if this line can't wake the machine.
        let answer = match result {
            Ok(()) => bindings::NOTIFY_DONE,
            Err(_) => bindings::NOTIFY_BAD,
        };
        answer as ffi::c_int
    }
}

#[pinned_drop]
impl PinnedDrop for WakeupInterrupt {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant it is registered.
        unsafe { mypoll_unregister_pm_notifier(self.notifier.get()) };
        self.disarm();
    }
}

/// Checks that the interrupt `irq` can wake the machine. Otherwise the error is the interrupt
/// controller's: `ENXIO` for most, `EINVAL` for the Raspberry Pi's.
pub(crate) fn try_irq(irq: u32) -> Result {
    set_irq_wake(irq, true)?;
    set_irq_wake(irq, false)
}

fn set_irq_wake(irq: u32, on: bool) -> Result {
    // SAFETY: Invalid interrupt numbers are refused.
    to_result(unsafe { bindings::irq_set_irq_wake(irq, on.into()) })
}
