// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the times of events are right.

use std::time::SystemTime;

use super::Finding;

pub(super) fn examine() -> Finding {
    judge(synchronized())
}

fn judge(synchronized: bool) -> Finding {
    if synchronized {
        return Finding::ok("clock", "it is synchronized");
    }
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    Finding::warning(
        "clock",
        format!("it is not synchronized, and says {now}"),
        "run an NTP client, such as systemd-timesyncd or chrony: the times of events are those of this clock",
    )
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
    use crate::cmd::doctor::State;

    #[test]
    fn the_kernel_is_asked_whatever_set_the_clock() {
        assert_eq!(judge(true).state, State::Ok);
        let found = judge(false);
        assert_eq!(found.state, State::Warning);
        assert!(found.cure.unwrap().contains("NTP"));
        synchronized();
    }
}
