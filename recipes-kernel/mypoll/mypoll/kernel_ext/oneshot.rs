// SPDX-License-Identifier: GPL-2.0-only

//! A timer that can be armed repeatedly from interrupt context.
//!
//! The kernel crate's `HrTimer` returns a handle for each start. Dropping the handle cancels the
//! timer and waits, and an interrupt handler has nowhere to keep it.
//!
//! C header: [`include/linux/hrtimer.h`](srctree/include/linux/hrtimer.h)

use super::compat::HRTIMER_NORESTART;
use core::ops::Deref;
use kernel::{
    bindings,
    prelude::*,
    types::Opaque, //
};

/// A handler that is called when a timer expires.
pub(crate) trait ExpiryHandler: Send + Sync + Sized {
    /// Handles the expiry of its timer, which may be armed again. Runs in a hard interrupt handler.
    fn handle_expiry(this: &OneShot<Self>);
}

/// A handler with its own timer; dropping it stops the timer first.
///
/// # Invariants
///
/// `timer` was set up with `callback` for this type.
#[pin_data(PinnedDrop)]
pub(crate) struct OneShot<T: ExpiryHandler> {
    #[pin]
    timer: Opaque<bindings::hrtimer>,
    #[pin]
    handler: T,
}

// SAFETY: The timer may be started and cancelled from any thread, and the handler may be sent.
unsafe impl<T: ExpiryHandler> Send for OneShot<T> {}
// SAFETY: The C side serialises access to the timer, and the handler may be shared.
unsafe impl<T: ExpiryHandler> Sync for OneShot<T> {}

impl<T: ExpiryHandler> OneShot<T> {
    /// Creates a timer that is not armed.
    pub(crate) fn new(handler: impl PinInit<T>) -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: `callback` is the one for this type.
            timer <- Opaque::ffi_init(|slot: *mut bindings::hrtimer| {
                // SAFETY: `slot` is valid for writes and pinned.
                unsafe {
                    bindings::hrtimer_setup(
                        slot,
                        Some(Self::callback),
                        bindings::CLOCK_MONOTONIC as bindings::clockid_t,
                        bindings::hrtimer_mode_HRTIMER_MODE_ABS,
                    )
                }
            }),
            handler <- handler,
        })
    }

    /// Arms the timer to expire at `expires_ns` of `CLOCK_MONOTONIC`, replacing any earlier time.
    /// May be called in any context.
    pub(crate) fn arm(&self, expires_ns: u64) {
        // SAFETY: By the type invariant the timer is set up; it is cancelled before it is dropped.
        unsafe {
            bindings::hrtimer_start_range_ns(
                self.timer.get(),
                i64::try_from(expires_ns).unwrap_or(i64::MAX),
                0,
                bindings::hrtimer_mode_HRTIMER_MODE_ABS,
            )
        }
    }

    /// # Safety
    ///
    /// Called by the hrtimer core for the timer of a `Self`.
    unsafe extern "C" fn callback(timer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By the safety requirements the timer is the field of a `Self`, whose drop waits
        // for this to return.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(timer), Self, timer) };
        T::handle_expiry(this);
        HRTIMER_NORESTART
    }
}

impl<T: ExpiryHandler> Deref for OneShot<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<T: ExpiryHandler> PinnedDrop for OneShot<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the timer is set up. Waits for the callback; nothing can
        // arm it again.
        unsafe { bindings::hrtimer_cancel(self.timer.get()) };
    }
}
