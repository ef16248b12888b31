// SPDX-License-Identifier: GPL-2.0-only

//! Extensions of the kernel crate of Linux 6.18 and 7.3, each file minimal and written to be sent
//! upstream. Nothing in here depends on the driver.
//!
//! All `unsafe` code of the module is in here.

pub(crate) mod compat;
pub(crate) mod counter;
pub(crate) mod cred;
pub(crate) mod device;
pub(crate) mod fasync;
pub(crate) mod gpio;
pub(crate) mod interrupt;
pub(crate) mod ktime;
pub(crate) mod line_device;
pub(crate) mod mapped_area;
pub(crate) mod memlock;
pub(crate) mod misc_device;
pub(crate) mod mutex;
pub(crate) mod oneshot;
pub(crate) mod params;
pub(crate) mod published;
pub(crate) mod rcu;
pub(crate) mod reprobe;
pub(crate) mod set_once;
#[cfg(not(linux_7_3))]
pub(crate) mod spinlock_irq;
pub(crate) mod sync;
pub(crate) mod trace;
pub(crate) mod user_struct;
pub(crate) mod wait;
pub(crate) mod wakeup;

#[cfg(linux_7_3)]
pub(crate) use compat::spinlock_irq;
