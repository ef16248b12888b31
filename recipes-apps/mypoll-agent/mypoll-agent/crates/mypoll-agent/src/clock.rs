// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wall-clock time of monotonic time stamps.

use nix::{
    sys::time::TimeValLike as _,
    time::{ClockId, clock_gettime},
};

use crate::event::WallTime;

/// How long to cache whether the clock is synchronized: asking is a system call, reading clocks is not.
const GOOD_FOR: i64 = 1_000_000_000;

/// The smallest change that counts as setting the wall clock. Less may be the time between two readings; both clocks
/// run at the same rate, however an NTP client adjusts it.
const STEP: u64 = 1_000_000;

/// A reading of the wall clock.
///
/// Read again for each batch of events, so that events that waited get the right time after the clock is set.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC, in nanoseconds.
    offset: i64,
    synchronized: bool,
    /// When the kernel was asked, by CLOCK_MONOTONIC.
    asked: i64,
}

impl WallClock {
    /// Reads the clocks.
    pub fn now() -> Self {
        let (offset, now) = clocks();
        Self {
            offset,
            synchronized: mypoll::clock_is_synchronized(),
            asked: now,
        }
    }

    /// Reads the clocks again. Asks whether they are synchronized at most once a second, and whenever the clock was set:
    /// setting it ends synchronization.
    pub fn refresh(&mut self) -> Self {
        let (offset, now) = clocks();
        self.update(offset, now, mypoll::clock_is_synchronized)
    }

    fn update(&mut self, offset: i64, now: i64, synchronized: impl FnOnce() -> bool) -> Self {
        if now - self.asked >= GOOD_FOR || offset.abs_diff(self.offset) > STEP {
            self.synchronized = synchronized();
            self.asked = now;
        }
        self.offset = offset;
        *self
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

/// CLOCK_REALTIME minus CLOCK_MONOTONIC, and CLOCK_MONOTONIC.
fn clocks() -> (i64, i64) {
    let now = nanoseconds(ClockId::CLOCK_MONOTONIC);
    (nanoseconds(ClockId::CLOCK_REALTIME) - now, now)
}

fn nanoseconds(clock: ClockId) -> i64 {
    // Neither clock can fail on Linux.
    clock_gettime(clock).map_or(0, |time| time.num_nanoseconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_current_time_stamp_converts_to_the_current_wall_time() {
        let wall = WallClock::now().at(monotonic_ns()).unix_ns;
        let now = nanoseconds(ClockId::CLOCK_REALTIME).unsigned_abs();
        assert!(now.abs_diff(wall) < 1_000_000_000, "{wall} {now}");
    }

    #[test]
    fn synchronization_is_checked_once_a_second_and_when_the_clock_is_set() {
        let second = GOOD_FOR;
        let mut clock = WallClock {
            offset: 5 * second,
            synchronized: false,
            asked: 0,
        };
        let not_asked = || -> bool { panic!("asked") };
        let jitter = i64::try_from(STEP).unwrap();
        let wall = clock
            .update(5 * second + jitter, second - 1, not_asked)
            .at(7);
        assert_eq!(wall.unix_ns, (5 * second + jitter).unsigned_abs() + 7);
        assert!(!wall.synchronized);
        assert!(clock.update(5 * second, second, || true).at(0).synchronized);
        assert!(
            clock
                .update(5 * second, 2 * second - 1, not_asked)
                .at(0)
                .synchronized
        );
        for set in [9 * second, 2 * second] {
            let wall = clock.update(set, 2 * second - 1, || false).at(0);
            assert_eq!(wall.unix_ns, set.unsigned_abs());
            assert!(!wall.synchronized);
        }
        clock.update(2 * second, 3 * second - 2, not_asked);
    }
}
