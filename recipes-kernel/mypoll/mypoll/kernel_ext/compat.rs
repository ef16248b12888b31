// SPDX-License-Identifier: GPL-2.0-only

//! What Linux 6.18 and 7.3 have under different names.
//!
//! `Kbuild` sets `linux_7_3` from that version on.

use kernel::bindings;

/// The result of an interrupt handler that handled the interrupt.
#[cfg(not(linux_7_3))]
pub(super) const IRQ_HANDLED: bindings::irqreturn_t = bindings::irqreturn_IRQ_HANDLED;
/// The result of an interrupt handler that handled the interrupt.
#[cfg(linux_7_3)]
pub(super) const IRQ_HANDLED: bindings::irqreturn_t = bindings::irqreturn::IRQ_HANDLED;

/// The result of a timer's callback that leaves the timer as it is.
#[cfg(not(linux_7_3))]
pub(super) const HRTIMER_NORESTART: bindings::hrtimer_restart =
    bindings::hrtimer_restart_HRTIMER_NORESTART;
/// The result of a timer's callback that leaves the timer as it is.
#[cfg(linux_7_3)]
pub(super) const HRTIMER_NORESTART: bindings::hrtimer_restart =
    bindings::hrtimer_restart::HRTIMER_NORESTART;
