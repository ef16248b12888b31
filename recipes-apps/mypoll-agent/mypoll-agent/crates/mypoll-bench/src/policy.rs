// SPDX-License-Identifier: MIT OR Apache-2.0

//! Scheduling policies.

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;

/// Sets the calling thread's scheduling policy to one without priorities, such as SCHED_IDLE.
pub(crate) fn set_policy(policy: libc::c_int) -> Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: It reads the parameters.
    let result = unsafe { libc::sched_setscheduler(0, policy, &parameters) };
    Errno::result(result).context("sched_setscheduler")?;
    Ok(())
}
