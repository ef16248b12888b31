// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures mypoll-agent, or an MQTT broker in its place, under load on this machine: many clients, some of which never
//! read.
//!
//! Both get the same payload at the same times. The latency of an event is from the stamp in it to the moment when the
//! last client has read it; the stamp is taken when this program writes the event.

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
    /// Clients that read
    #[arg(long, global = true, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=900))]
    clients: u32,
    /// Clients that never read
    #[arg(long, global = true, default_value_t = 10, value_parser = clap::value_parser!(u32).range(..=90))]
    silent: u32,
    /// Events a second
    #[arg(long, global = true, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// For how long
    #[arg(long, global = true, default_value = "10s", value_parser = humantime::parse_duration)]
    time: Duration,
}

impl Load {
    /// How many events there are.
    fn events(&self) -> usize {
        (f64::from(self.rate) * self.time.as_secs_f64()) as usize
    }
}

#[derive(Subcommand)]
enum Subject {
    /// The agent, with a simulated source
    Agent {
        /// The program
        #[arg(long, value_name = "FILE")]
        program: PathBuf,
    },
    /// mosquitto, with one publisher, at QoS 0
    Broker {
        /// The program
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
