// SPDX-License-Identifier: MIT OR Apache-2.0
//! The signals that end the agent.

use std::{
    fs,
    future::{self, Future},
};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// Ends at the first SIGTERM, SIGINT or SIGHUP from now on; later ones do nothing.
///
/// SIGHUP is left alone where it is ignored, as under nohup: a handler would undo that.
pub fn termination() -> Result<impl Future<Output = ()>> {
    let mut sigterm = signal(SignalKind::terminate()).context("cannot handle SIGTERM")?;
    let mut sigint = signal(SignalKind::interrupt()).context("cannot handle SIGINT")?;
    let mut sighup = if hangup_is_ignored() {
        None
    } else {
        Some(signal(SignalKind::hangup()).context("cannot handle SIGHUP")?)
    };
    Ok(async move {
        let hangup = async {
            match &mut sighup {
                Some(sighup) => sighup.recv().await,
                None => future::pending().await,
            }
        };
        let name = tokio::select! {
            _ = sigterm.recv() => "SIGTERM",
            _ = sigint.recv() => "SIGINT",
            _ = hangup => "SIGHUP",
        };
        info!("{name}: ending");
    })
}

/// What the kernel says (proc_pid_status(5)): a mask in hexadecimal, SIGHUP in its lowest bit.
fn hangup_is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u128::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 != 0)
}
