// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypollctl`: shows the events of `/dev/mypoll`, and gives the driver its commands.

mod lines;
mod monitor;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use clap::{Parser, Subcommand};
use mypoll::{Device, PERIOD_MS, Sysfs};

/// Show the events of /dev/mypoll, and give the driver its commands.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: mypollctl start 500 && mypollctl monitor --count 3"
)]
struct Cli {
    /// The device file
    #[arg(long, global = true, value_name = "PATH", default_value = Device::PATH)]
    device: PathBuf,
    /// The driver's directory in sysfs
    #[arg(long, global = true, value_name = "DIR", default_value = Sysfs::DIRECTORY)]
    sysfs: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print events as they come; each one is taken from the queue, so that no other reader gets it
    #[command(after_help = "Example: mypollctl monitor --json --count 3")]
    Monitor {
        /// One JSON object a line, in place of a table
        #[arg(long)]
        json: bool,
        /// Exit after N events [default: run until interrupted]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
    },
    /// Queue one event
    #[command(after_help = "Example: mypollctl trigger")]
    Trigger,
    /// Start the timer, anew when it runs
    #[command(after_help = "Example: mypollctl start 500    one event every half second")]
    Start {
        /// 1 to 3600000 milliseconds [default: the module parameter timer_period_ms]
        #[arg(value_name = "PERIOD_MS", value_parser = period_ms())]
        period_ms: Option<u32>,
    },
    /// Stop the timer
    #[command(after_help = "Example: mypollctl stop")]
    Stop,
    /// Set the statistics to 0
    #[command(after_help = "Example: mypollctl reset")]
    Reset,
    /// Print the statistics
    #[command(after_help = "Example: mypollctl stats --json")]
    Stats {
        /// One JSON object, in place of one key=value a line
        #[arg(long)]
        json: bool,
    },
    /// Print the GPIO lines with their levels and counters
    #[command(after_help = "Example: mypollctl lines --json")]
    Lines {
        /// One JSON object a line, in place of a table
        #[arg(long)]
        json: bool,
    },
}

fn period_ms() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(i64::from(*PERIOD_MS.start())..=i64::from(*PERIOD_MS.end()))
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough, as in `mypollctl monitor | head -3`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mypollctl: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run(cli: &Cli) -> Result<()> {
    let sysfs = Sysfs::at(&cli.sysfs);
    let driver = || Device::options().write_only().open(&cli.device);
    let reader = || Device::options().read_only().open(&cli.device);
    let mut stdout = io::stdout().lock();
    match cli.command {
        Command::Monitor { json, count } => {
            monitor::run(&reader()?, &sysfs, json, count, &mut stdout)?;
        }
        Command::Trigger => driver()?.trigger()?,
        Command::Start { period_ms } => driver()?.start(period_ms)?,
        Command::Stop => driver()?.stop()?,
        Command::Reset => driver()?.reset()?,
        Command::Stats { json: true } => {
            writeln!(stdout, "{}", serde_json::to_string(&sysfs.stats()?)?)?;
        }
        Command::Stats { json: false } => writeln!(stdout, "{}", sysfs.stats()?)?,
        Command::Lines { json } => {
            lines::print(&lines::of(&reader()?)?, json, &mut stdout)?;
        }
    }
    Ok(())
}
