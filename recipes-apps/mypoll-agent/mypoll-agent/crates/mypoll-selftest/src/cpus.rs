// SPDX-License-Identifier: MIT OR Apache-2.0

//! The machine's processors.

use std::thread::{available_parallelism, sleep};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The calling thread, for sched_setaffinity(2).
const THIS_THREAD: Pid = Pid::from_raw(0);

/// The number of processors that this thread may use.
pub(crate) fn count() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Runs this thread on one processor.
pub(crate) fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    // If there is no such processor, the thread runs anywhere.
    let _ = set
        .set(cpu % count())
        .and_then(|()| sched_setaffinity(THIS_THREAD, &set));
}

/// Sleeps until every kernel timer that is due within `time` has expired, even if an emulator delays a processor: the
/// timers of a processor expire in order, and this adds a later one on each.
pub(crate) fn let_timers_expire(time: Duration) -> Result<()> {
    let before = sched_getaffinity(THIS_THREAD).context("sched_getaffinity")?;
    for cpu in 0..count() {
        pin(cpu);
        sleep(time);
        sched_setaffinity(THIS_THREAD, &before).context("sched_setaffinity")?;
    }
    Ok(())
}
