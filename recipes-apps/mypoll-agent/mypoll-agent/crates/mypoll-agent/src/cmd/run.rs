// SPDX-License-Identifier: MIT OR Apache-2.0
//! Running as a service.

use anyhow::{Context as _, Result};
use mypoll_agent::{config::Config, supervisor};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{runtime, sync::mpsc};

use super::File;
use crate::{log, signals};

/// Runs until a signal stops it.
pub fn run(file: File<'_>) -> Result<()> {
    let config = file.read()?;
    // Clients must not use up the descriptors that the journal needs. If this fails, the limit stays as it is.
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard), hard);
    }
    let (_log, level) = log::start(config.log.level)?;
    let read = || file.read_again();
    let taken = |config: &Config| level.set(config.log.level);
    let event_loop = event_loop()?;
    let result = event_loop.block_on(async {
        let (sender, requests) = mpsc::channel(1);
        tokio::spawn(signals::forward(sender)?);
        supervisor::run(config, read, taken, requests).await
    });
    // A thread blocked by a device or a name server must not keep the agent from exiting.
    event_loop.shutdown_background();
    result
}

/// The event loop: one thread.
pub fn event_loop() -> Result<runtime::Runtime> {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")
}
