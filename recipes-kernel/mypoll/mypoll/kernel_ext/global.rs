// SPDX-License-Identifier: GPL-2.0-only

//! The module's one hub, for callbacks that get no pointer to it: open, the show functions, a
//! platform device's probe.

use crate::hub::Hub;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full, //
        },
        Arc, //
    },
};

kernel::sync::global_lock! {
    // SAFETY: `Published::new` initialises it, and `hub` leaves it alone until that is done.
    unsafe(uninit) static HUB: Mutex<Option<Arc<Hub>>> = None;
}

/// 0 at load, 1 while `HUB` is being initialised, 2 from then on.
static STATE: Atomic<u32> = Atomic::new(0);

/// Keeps a hub to be found by [`hub`] until it is dropped.
pub(crate) struct Published(());

impl Published {
    /// Publishes `hub`; `EBUSY` if one was published before, since a module has but one.
    pub(crate) fn new(hub: Arc<Hub>) -> Result<Self> {
        STATE.cmpxchg(0, 1, Full).map_err(|_| EBUSY)?;
        // SAFETY: The state went from 0 to 1 just once, so this is the only call.
        unsafe { HUB.init() };
        *HUB.lock() = Some(hub);
        STATE.xchg(2, Full);
        Ok(Self(()))
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let hub = HUB.lock().take();
        drop(hub);
    }
}

/// The published hub; `ENODEV` when there is none.
pub(crate) fn hub() -> Result<Arc<Hub>> {
    if STATE.load(kernel::sync::atomic::Acquire) != 2 {
        return Err(ENODEV);
    }
    HUB.lock().clone().ok_or(ENODEV)
}
