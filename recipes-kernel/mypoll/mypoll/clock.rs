// SPDX-License-Identifier: GPL-2.0-only

//! One moment, told by different clocks.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use crate::settings::Clock;
use kernel::bindings;

/// What `clock` shows in the moment in which CLOCK_MONOTONIC shows `monotonic_ns`. May be called in
/// any context but an NMI.
#[inline]
pub(crate) fn convert(clock: Clock, monotonic_ns: u64) -> u64 {
    let offset = match clock {
        Clock::Monotonic => return monotonic_ns,
        Clock::Realtime => bindings::tk_offsets_TK_OFFS_REAL,
        Clock::Boottime => bindings::tk_offsets_TK_OFFS_BOOT,
    };
    // SAFETY: May be called with any time, and an offset that there is.
    unsafe { bindings::ktime_mono_to_any(monotonic_ns as i64, offset) as u64 }
}
