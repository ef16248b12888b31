// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log, on stderr. A thread writes it, so that a log that nobody reads delays nothing.

use std::{env, io};

use anyhow::{Context as _, Result};
use mypoll_agent::config;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    filter::LevelFilter, layer::SubscriberExt as _, registry::Registry, reload,
    util::SubscriberInitExt as _,
};

/// The environment variable that overrides `log.level`.
const LEVEL_VARIABLE: &str = "MYPOLL_AGENT_LOG";

/// How many lines wait for the thread at most. Later ones are dropped.
const QUEUE: usize = 1024;

/// Changes what is logged.
pub struct Level(reload::Handle<LevelFilter, Registry>);

/// Starts the log. It ends, with what is queued for it, when the guard goes.
pub fn start(level: LevelFilter) -> Result<(WorkerGuard, Level)> {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE)
        .lossy(true)
        .finish(io::stderr());
    let (filter, handle) = reload::Layer::new(effective(level)?);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false)
        // What can't be logged would be reported by eprintln!, and that panics.
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    Ok((guard, Level(handle)))
}

impl Level {
    /// Logs from `level` on, unless the environment says otherwise.
    pub fn set(&self, level: LevelFilter) -> Result<()> {
        self.0.reload(effective(level)?).context("log.level")
    }
}

fn effective(configured: LevelFilter) -> Result<LevelFilter> {
    match env::var(LEVEL_VARIABLE) {
        Err(env::VarError::NotPresent) => Ok(configured),
        Err(error) => Err(error).context(LEVEL_VARIABLE),
        Ok(level) if level.is_empty() => Ok(configured),
        Ok(level) => config::level_from(&level).with_context(|| {
            format!("{LEVEL_VARIABLE}={level}: expected off, error, warn, info, debug or trace")
        }),
    }
}
