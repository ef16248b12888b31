// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks whether the times of events are right.

use std::time::SystemTime;

use super::Finding;

pub(super) fn examine() -> Finding {
    judge(mypoll::clock_is_synchronized())
}

fn judge(synchronized: bool) -> Finding {
    if synchronized {
        return Finding::ok("clock", "it is synchronized");
    }
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    Finding::warning(
        "clock",
        format!("it is not synchronized; it reads {now}"),
        "run an NTP client, such as systemd-timesyncd or chrony: event times come from this clock",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::doctor::State;

    #[test]
    fn the_kernel_is_asked_regardless_of_what_set_the_clock() {
        assert_eq!(judge(true).state, State::Ok);
        let found = judge(false);
        assert_eq!(found.state, State::Warning);
        assert!(found.cure.unwrap().contains("NTP"));
        examine();
    }
}
