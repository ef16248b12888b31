// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypoll-agent`: carries the events of a board's lines to the network and to GPIO outputs.

mod log;
mod signals;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use mypoll_agent::{config::Config, supervisor};
use tokio::sync::mpsc;

/// Carry the events of a board's lines to the network and to GPIO outputs.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The configuration file; without this option /etc/mypoll-agent.toml, or the defaults where that doesn't exist
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only check the configuration, without opening anything
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match start(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // eprintln! would panic when nobody reads it; the exit status says it, too.
            let _ = writeln!(io::stderr(), "mypoll-agent: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: &Cli) -> Result<()> {
    let path = cli.config.clone();
    let read = move || match &path {
        Some(path) => Config::read(path).map_err(anyhow::Error::from),
        None => Config::read_if_there(Config::PATH.as_ref()).map_err(anyhow::Error::from),
    };
    let config = read()?;
    if cli.check {
        let _ = writeln!(io::stdout(), "the configuration is valid");
        return Ok(());
    }
    let (_log, level) = log::start(config.log.level)?;
    let read = move || {
        let config = read()?;
        level.set(config.log.level)?;
        Ok(config)
    };
    let event_loop = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    let result = event_loop.block_on(async {
        let (sender, requests) = mpsc::channel(1);
        tokio::spawn(signals::forward(sender)?);
        supervisor::run(config, read, requests).await
    });
    // A thread that a device or a name server keeps waiting must not keep the agent from ending.
    event_loop.shutdown_background();
    result
}
