// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypoll-agent`: carries the events of `/dev/mypoll` to the network and to GPIO outputs.

mod termination;

use std::{
    env,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use mypoll::Sysfs;
use mypoll_agent::{
    bind,
    config::{self, Config},
    fanout::Fanout,
    output::gpio,
    server,
    source::DeviceSource,
};
use tokio::task::JoinSet;
use tracing::{info, warn};
use tracing_subscriber::filter::LevelFilter;

/// The environment variable that overrides `log.level`.
const LEVEL_VARIABLE: &str = "MYPOLL_AGENT_LOG";

/// Carry the events of /dev/mypoll to TCP clients as JSON lines, and to GPIO outputs.
///
/// Runs in the foreground, logs to stderr, and ends on SIGTERM, SIGINT or SIGHUP after its clients got what is queued.
/// MYPOLL_AGENT_LOG=debug logs more (off, error, warn, info, debug, trace).
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: mypoll-agent --config agent.toml --check"
)]
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
            // eprintln! would panic when nobody reads it; the status says it all the same.
            let _ = writeln!(io::stderr(), "mypoll-agent: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: &Cli) -> Result<()> {
    let config = match &cli.config {
        Some(path) => Config::read(path)?,
        None => Config::read_if_there(Config::PATH.as_ref())?,
    };
    if cli.check {
        let _ = writeln!(io::stdout(), "the configuration is valid");
        return Ok(());
    }
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_target(false)
        .with_max_level(level(&config)?)
        // What can't be logged would be reported by eprintln!, and that panics.
        .log_internal_errors(false)
        .init();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?
        .block_on(run(config))
}

fn level(config: &Config) -> Result<LevelFilter> {
    match env::var(LEVEL_VARIABLE) {
        Err(env::VarError::NotPresent) => Ok(config.log.level),
        Err(error) => Err(error).context(LEVEL_VARIABLE),
        Ok(level) if level.is_empty() => Ok(config.log.level),
        Ok(level) => config::level_from(&level).with_context(|| {
            format!("{LEVEL_VARIABLE}={level}: expected off, error, warn, info, debug or trace")
        }),
    }
}

async fn run(config: Config) -> Result<()> {
    let shutdown = termination::termination()?;
    let lines = Arc::new(Sysfs::at(&config.device.sysfs).lines()?);
    let source = DeviceSource::open(&config.device.path)?;
    let listener = bind::bind(config.tcp.listen)
        .await
        .with_context(|| format!("cannot listen on {} (tcp.listen)", config.tcp.listen))?;

    let fanout = Fanout::new(config.tcp.queue, Arc::clone(&lines));
    let mut outputs = JoinSet::new();
    for (index, output) in config.outputs.iter().enumerate() {
        let output = gpio::start(output, &lines, fanout.subscribe())
            .with_context(|| format!("output[{index}]"))?;
        outputs.spawn(output);
    }

    let address = listener.local_addr().context("cannot tell the address")?;
    if !address.ip().is_loopback() {
        warn!(
            "{address} is reachable from the network, without encryption and without authentication: \
             anyone there can read the events; listen on 127.0.0.1 unless the network is trusted"
        );
    }
    info!(
        "listening on {address}, reading {}",
        config.device.path.display()
    );
    let outcome = server::run(listener, source, fanout, &config.tcp, shutdown).await;
    outputs.join_all().await;
    outcome.with_context(|| config.device.path.display().to_string())?;
    info!("ended");
    Ok(())
}
