// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wall-clock time of monotonic time stamps.

use nix::{
    sys::time::TimeValLike as _,
    time::{ClockId, clock_gettime},
};

use crate::event::WallTime;

/// The wall clock as it is set now.
///
/// Taken anew for each batch of events, so that the time of an event that waited follows when the clock is set.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC, in nanoseconds.
    offset: i64,
    synchronized: bool,
}

impl WallClock {
    /// Reads the clocks.
    pub fn now() -> Self {
        Self {
            offset: nanoseconds(ClockId::CLOCK_REALTIME) - nanoseconds(ClockId::CLOCK_MONOTONIC),
            synchronized: synchronized(),
        }
    }

    /// The wall-clock time of a CLOCK_MONOTONIC time stamp in nanoseconds.
    pub fn at(self, monotonic_ns: u64) -> WallTime {
        WallTime {
            unix_ns: monotonic_ns.saturating_add_signed(self.offset),
            synchronized: self.synchronized,
        }
    }
}

/// CLOCK_MONOTONIC in nanoseconds.
pub fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::CLOCK_MONOTONIC).unsigned_abs()
}

fn nanoseconds(clock: ClockId) -> i64 {
    // Neither clock can fail on Linux.
    clock_gettime(clock).map_or(0, |time| time.num_nanoseconds())
}

/// Whether an NTP client or the like keeps the clock, by what it told the kernel (adjtimex(2)).
fn synchronized() -> bool {
    #[expect(unsafe_code, reason = "no safe wrapper reads the state of the clock")]
    // SAFETY: zeroes are a valid `timex`; with `modes` 0 the kernel only writes to it.
    unsafe {
        let mut state: libc::timex = std::mem::zeroed();
        libc::adjtimex(&mut state) >= 0 && state.status & libc::STA_UNSYNC == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_of_now_is_the_wall_time_of_now() {
        let wall = WallClock::now().at(monotonic_ns()).unix_ns;
        let now = nanoseconds(ClockId::CLOCK_REALTIME).unsigned_abs();
        assert!(now.abs_diff(wall) < 1_000_000_000, "{wall} {now}");
    }
}
