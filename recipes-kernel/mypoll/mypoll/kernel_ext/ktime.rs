// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's clocks, and conversions between them.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use kernel::{
    bindings,
    time::{
        ClockSource,
        Monotonic, //
    }, //
};

/// Returns CLOCK_MONOTONIC in nanoseconds. May be called in any context except NMI.
#[inline]
pub(crate) fn monotonic_ns() -> u64 {
    Monotonic::ktime_get() as u64
}

/// Returns CLOCK_REALTIME at the time when CLOCK_MONOTONIC is `monotonic_ns`.
#[inline]
pub(crate) fn realtime_at(monotonic_ns: u64) -> u64 {
    convert(monotonic_ns, bindings::tk_offsets_TK_OFFS_REAL)
}

/// Returns CLOCK_BOOTTIME at the time when CLOCK_MONOTONIC is `monotonic_ns`.
#[inline]
pub(crate) fn boottime_at(monotonic_ns: u64) -> u64 {
    convert(monotonic_ns, bindings::tk_offsets_TK_OFFS_BOOT)
}

#[inline]
fn convert(monotonic_ns: u64, offset: bindings::tk_offsets) -> u64 {
    // SAFETY: May be called with any time, and with each offset above.
    unsafe { bindings::ktime_mono_to_any(monotonic_ns as i64, offset) as u64 }
}
