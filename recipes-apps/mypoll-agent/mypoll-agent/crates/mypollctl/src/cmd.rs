// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands.

mod doctor;
mod labels;
mod lines;
mod monitor;
mod order;
mod queues;
mod select;
mod show;
mod wait;

use std::{io, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use mypoll::{Device, PERIOD_MS, Sysfs};

use crate::remote::Target;

/// Show events of /dev/mypoll or of a remote mypoll-agent, and send orders.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: mypollctl start 500 && mypollctl monitor --count 3"
)]
pub struct Cli {
    /// The device file
    #[arg(long, global = true, value_name = "PATH", default_value = Device::PATH, help_heading = "Driver")]
    device: PathBuf,
    /// The driver's directory in sysfs
    #[arg(long, global = true, value_name = "DIR", default_value = Sysfs::DIRECTORY, help_heading = "Driver")]
    sysfs: PathBuf,
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print events as they arrive, from a private queue: other readers still get them
    Monitor(monitor::Args),
    /// Print the GPIO lines with their levels and counters
    #[command(after_help = "Example: mypollctl lines --json")]
    Lines {
        /// Print one JSON object per line instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Print the level of a line: 1 when it is active, 0 when not
    #[command(after_help = "Example: mypollctl get door")]
    Get {
        /// Label or number of the line
        #[arg(value_name = "LINE")]
        line: String,
    },
    /// Wait for an edge of a line and print the event; exits with 124 on timeout
    Wait(wait::Args),
    /// Switch an output of the agent (--connect)
    Set(order::SetArgs),
    /// Queue one event
    #[command(after_help = "Example: mypollctl trigger")]
    Trigger,
    /// Start the timer, or restart it if it is running
    #[command(after_help = "Example: mypollctl start 500    one event every half second")]
    Start {
        /// 1 to 3600000 milliseconds [default: the module parameter timer_period_ms]
        #[arg(value_name = "PERIOD_MS", value_parser = period_ms())]
        period_ms: Option<u32>,
    },
    /// Stop the timer
    #[command(after_help = "Example: mypollctl stop")]
    Stop,
    /// Reset the statistics to 0
    #[command(after_help = "Example: mypollctl reset")]
    Reset,
    /// Print the statistics of the shared queue
    #[command(after_help = "Example: mypollctl stats --json")]
    Stats {
        /// Print one JSON object instead of key=value lines
        #[arg(long)]
        json: bool,
    },
    /// Print the driver's features, or with --connect the agent's identity
    Info {
        /// Print one JSON object instead of key=value lines
        #[arg(long)]
        json: bool,
    },
    /// Print open queues with their depths and losses (of all users only for root)
    Queues {
        /// Print one JSON object per line instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Find out why events do not arrive, and suggest fixes
    Doctor {
        /// Print one JSON object per line instead of text
        #[arg(long)]
        json: bool,
    },
}

fn period_ms() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(i64::from(*PERIOD_MS.start())..=i64::from(*PERIOD_MS.end()))
}

/// Runs a command.
pub fn run(cli: &Cli) -> Result<ExitCode> {
    let local = || Device::options().write_only().open(&cli.device);
    let reader = || Device::options().read_only().open(&cli.device);
    let remote = cli.target.connect.is_some();
    let mut stdout = io::stdout().lock();
    match &cli.command {
        Command::Monitor(args) if remote => monitor::remote(&cli.target, args, &mut stdout)?,
        Command::Monitor(monitor::Args { reconnect, .. })
        | Command::Wait(wait::Args { reconnect, .. })
            if reconnect.is_on() && !remote =>
        {
            bail!("the driver has no connection that could break: --reconnect needs --connect");
        }
        Command::Monitor(args) if args.shared => monitor::shared(&reader()?, args, &mut stdout)?,
        Command::Monitor(args) => monitor::local(reader()?, args, &mut stdout)?,
        Command::Lines { json } if remote => show::levels(&cli.target, *json, &mut stdout)?,
        Command::Lines { json } => lines::print(&lines::of(&reader()?)?, *json, &mut stdout)?,
        Command::Get { line } if remote => show::remote_level(&cli.target, line, &mut stdout)?,
        Command::Get { line } => show::level(&reader()?, line, &mut stdout)?,
        Command::Wait(args) if remote => return wait::remote(&cli.target, args, &mut stdout),
        Command::Wait(args) => {
            let device = Device::options()
                .read_only()
                .nonblocking()
                .open(&cli.device)?;
            return wait::local(device, args, &mut stdout);
        }
        Command::Set(args) => order::set(&cli.target, args)?,
        Command::Trigger if remote => order::trigger(&cli.target)?,
        Command::Trigger => local()?.trigger()?,
        Command::Start { period_ms } if remote => order::start(&cli.target, *period_ms)?,
        Command::Start { period_ms } => local()?.start(*period_ms)?,
        Command::Stop if remote => order::stop(&cli.target)?,
        Command::Stop => local()?.stop()?,
        Command::Info { json } if remote => show::agent(&cli.target, *json, &mut stdout)?,
        Command::Info { json } => show::driver(&reader()?, *json, &mut stdout)?,
        Command::Doctor { json } => return doctor::run(cli, *json, &mut stdout),
        Command::Reset | Command::Stats { .. } | Command::Queues { .. } if remote => {
            bail!("this command uses the driver of this machine: omit --connect");
        }
        Command::Reset => local()?.reset()?,
        Command::Stats { json } => show::stats(&Sysfs::at(&cli.sysfs), *json, &mut stdout)?,
        Command::Queues { json } => {
            let device = cli
                .device
                .canonicalize()
                .with_context(|| cli.device.display().to_string())?;
            queues::print(&device, *json, &mut stdout)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
