// SPDX-License-Identifier: MIT OR Apache-2.0

//! The machine's processors.

use std::thread::{available_parallelism, sleep};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The thread that asks, to sched_setaffinity(2).
const THIS_THREAD: Pid = Pid::from_raw(0);

/// How many processors this thread may use.
pub(crate) fn count() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Runs this thread on one processor.
pub(crate) fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    // Where there is no such processor it runs anywhere.
    let _ = set
        .set(cpu % count())
        .and_then(|()| sched_setaffinity(THIS_THREAD, &set));
}

/// Sleeps until each timer of the kernel has expired that is due within `time`, also where an emulator holds up a
/// processor: one processor's timers expire in their order, and here each has one that is due later.
pub(crate) fn let_timers_expire(time: Duration) -> Result<()> {
    let before = sched_getaffinity(THIS_THREAD).context("sched_getaffinity")?;
    for cpu in 0..count() {
        pin(cpu);
        sleep(time);
        sched_setaffinity(THIS_THREAD, &before).context("sched_setaffinity")?;
    }
    Ok(())
}
