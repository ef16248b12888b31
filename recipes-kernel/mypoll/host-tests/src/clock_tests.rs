// SPDX-License-Identifier: GPL-2.0-only

use crate::clock::{now_ns, Clock};
use crate::kernel_ext::ktime::{monotonic_ns, BOOTTIME_OFFSET, REALTIME_OFFSET};

#[test]
fn each_clock_shows_its_own_time() {
    assert_eq!(now_ns(), monotonic_ns());
    for (clock, offset, name) in [
        (Clock::Monotonic, 0, "monotonic"),
        (Clock::Realtime, REALTIME_OFFSET, "realtime"),
        (Clock::Boottime, BOOTTIME_OFFSET, "boottime"),
    ] {
        assert_eq!((clock.at(7), clock.name()), (7 + offset, name));
    }
}
