// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypoll-agent`: carries the events of a board's lines to the network and to GPIO outputs.

mod cmd;
mod log;
mod signals;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Carry the events of a board's lines to the network and to GPIO outputs.
///
/// Without a command it runs in the foreground and logs to stderr. SIGTERM and SIGINT end it after its clients got
/// what is theirs; SIGHUP has it read its configuration again. MYPOLL_AGENT_LOG=debug logs more (off, error, warn,
/// info, debug, trace).
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: mypoll-agent --config agent.toml check --probe"
)]
struct Cli {
    /// The configuration file [default: /etc/mypoll-agent.toml, or the defaults where that doesn't exist]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Check the configuration; open nothing
    Check {
        /// Also open what the agent would: the device, sockets, certificates, outputs
        #[arg(long)]
        probe: bool,
    },
    /// Print a configuration
    Config(cmd::config::Args),
    /// Make tokens for clients
    #[command(subcommand)]
    Token(cmd::token::Command),
    /// Ask the agent that runs how it is
    Status {
        /// One JSON object, in place of a line for each part
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // eprintln! would panic when nobody reads it; the exit status says it, too.
            let _ = writeln!(io::stderr(), "mypoll-agent: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let file = cmd::File(cli.config.as_deref());
    match &cli.command {
        None => cmd::run::run(file),
        Some(Command::Check { probe }) => cmd::check::check(file, *probe),
        Some(Command::Config(args)) => cmd::config::print(file, args),
        Some(Command::Token(command)) => cmd::token::run(command),
        Some(Command::Status { json }) => cmd::status::print(&file.read()?, *json),
    }
}
