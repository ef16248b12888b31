// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures mypoll-agent, or an MQTT broker instead, under load on this machine: many clients, some of which never read.
//!
//! Both get the same payload at the same times. The latency of an event is the time from its stamp until the last client
//! has read it; this program takes the stamp when it writes the event.

mod agent;
mod broker;
mod process;
mod receivers;
mod report;
mod sender;

use std::{io::Write as _, path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Measure mypoll-agent or an MQTT broker under load. Prints one JSON object.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: mypoll-load agent --program target/release/mypoll-agent"
)]
struct Cli {
    #[command(flatten)]
    load: Load,
    #[command(subcommand)]
    subject: Subject,
}

/// The load.
#[derive(Args, Clone, Copy)]
pub struct Load {
    /// Number of clients that read
    #[arg(long, global = true, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=900))]
    clients: u32,
    /// Number of clients that never read
    #[arg(long, global = true, default_value_t = 10, value_parser = clap::value_parser!(u32).range(..=90))]
    silent: u32,
    /// Events per second
    #[arg(long, global = true, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Duration
    #[arg(long, global = true, default_value = "10s", value_parser = humantime::parse_duration)]
    time: Duration,
}

impl Load {
    /// Number of events.
    fn events(&self) -> usize {
        (f64::from(self.rate) * self.time.as_secs_f64()) as usize
    }
}

#[derive(Subcommand)]
enum Subject {
    /// The agent, with a simulated source
    Agent {
        /// Path of the program
        #[arg(long, value_name = "FILE")]
        program: PathBuf,
    },
    /// mosquitto, with one publisher, at QoS 0
    Broker {
        /// Path of the program
        #[arg(long, value_name = "FILE")]
        program: PathBuf,
    },
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    process::allow_descriptors(cli.load.clients + cli.load.silent)?;
    let report = match &cli.subject {
        Subject::Agent { program } => agent::measure(program, cli.load)?,
        Subject::Broker { program } => broker::measure(program, cli.load)?,
    };
    Ok(writeln!(
        std::io::stdout(),
        "{}",
        serde_json::to_string_pretty(&report)?
    )?)
}
