// SPDX-License-Identifier: GPL-2.0-only

//! The clocks of time stamps.

use crate::kernel_ext::ktime;

/// A clock of time stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// CLOCK_MONOTONIC.
    Monotonic,
    /// CLOCK_REALTIME.
    Realtime,
    /// CLOCK_BOOTTIME.
    Boottime,
}

impl Clock {
    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Clock::Monotonic => "monotonic",
            Clock::Realtime => "realtime",
            Clock::Boottime => "boottime",
        }
    }

    /// Returns its time when CLOCK_MONOTONIC is `monotonic_ns`.
    #[inline]
    pub(crate) fn at(self, monotonic_ns: u64) -> u64 {
        match self {
            Clock::Monotonic => monotonic_ns,
            Clock::Realtime => ktime::realtime_at(monotonic_ns),
            Clock::Boottime => ktime::boottime_at(monotonic_ns),
        }
    }
}

/// Returns the time stamp of an event that occurs now: CLOCK_MONOTONIC in nanoseconds.
#[inline]
pub(crate) fn now_ns() -> u64 {
    ktime::monotonic_ns()
}
