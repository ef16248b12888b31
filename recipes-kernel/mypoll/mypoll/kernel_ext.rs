// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel crate of Linux 6.18 and 7.2 lacks, each as small as it can be and written to be
//! sent upstream.
//!
//! All the `unsafe` code of the module is in here.

pub(crate) mod attributes;
pub(crate) mod clock;
pub(crate) mod dynamic_debug;
pub(crate) mod event_iov;
pub(crate) mod fasync;
pub(crate) mod fops;
pub(crate) mod global;
pub(crate) mod gpio;
pub(crate) mod interrupt;
pub(crate) mod mapped_memory;
pub(crate) mod mutex;
pub(crate) mod once_arc;
pub(crate) mod oneshot;
pub(crate) mod params;
pub(crate) mod rcu_arc;
pub(crate) mod ring;
pub(crate) mod spinlock_irq;
pub(crate) mod sync;
pub(crate) mod user_struct;
pub(crate) mod wakeup;
