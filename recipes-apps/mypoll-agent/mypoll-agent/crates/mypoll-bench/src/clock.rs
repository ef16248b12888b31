// SPDX-License-Identifier: MIT OR Apache-2.0

//! The clock of all time stamps.

use std::thread::sleep;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// CLOCK_MONOTONIC in nanoseconds.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every kernel has this clock");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

/// Gives the threads of the kernel and of this program time to finish their work and to wait
/// again.
pub(crate) fn settle() {
    sleep(Duration::from_micros(500));
}
