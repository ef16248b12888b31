// SPDX-License-Identifier: GPL-2.0-only

//! Clocks that stand still, each at an offset of its own from CLOCK_MONOTONIC.

pub(crate) const REALTIME_OFFSET: u64 = 1 << 60;
pub(crate) const BOOTTIME_OFFSET: u64 = 1 << 40;

pub(crate) fn monotonic_ns() -> u64 {
    5
}

pub(crate) fn realtime_at(monotonic_ns: u64) -> u64 {
    monotonic_ns + REALTIME_OFFSET
}

pub(crate) fn boottime_at(monotonic_ns: u64) -> u64 {
    monotonic_ns + BOOTTIME_OFFSET
}
