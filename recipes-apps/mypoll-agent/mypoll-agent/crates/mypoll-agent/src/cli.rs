// SPDX-License-Identifier: MIT OR Apache-2.0
//! Command-line options and commands. Uses clap only: the man page is generated from this file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Carry the events of a board's lines to the network and to GPIO outputs.
///
/// Without a command, runs in the foreground and logs to stderr. On SIGTERM and SIGINT it sends clients their pending
/// events and exits; on SIGHUP it reloads its configuration. MYPOLL_AGENT_LOG=debug logs more (off, error, warn,
/// info, debug, trace).
#[derive(Parser)]
#[command(
    name = "mypoll-agent",
    version,
    after_help = "Example: mypoll-agent --config agent.toml check --probe"
)]
pub struct Cli {
    /// Configuration file [default: /etc/mypoll-agent.toml, or built-in defaults if it does not exist]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Check the configuration without opening anything
    Check {
        /// Also open the device, sockets, certificates and outputs
        #[arg(long)]
        probe: bool,
    },
    /// Print a configuration
    Config(ConfigArgs),
    /// Create tokens for clients
    #[command(subcommand)]
    Token(TokenCommand),
    /// Announce listeners that are open to other machines by DNS-SD, through avahi or systemd-resolved; needs root
    Announce(AnnounceArgs),
    /// Show the state of the running agent
    Status {
        /// Print one JSON object instead of one line per part
        #[arg(long)]
        json: bool,
    },
}

/// Options for printing a configuration.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct ConfigArgs {
    /// Every key, with its default
    #[arg(long)]
    pub example: bool,
    /// The effective configuration: the file's values, and defaults for the rest
    #[arg(long)]
    pub effective: bool,
}

/// Options for announcing listeners.
#[derive(Args)]
pub struct AnnounceArgs {
    /// Withdraw all announcements
    #[arg(long)]
    pub remove: bool,
    /// Directory where avahi looks for files
    #[arg(long, value_name = "DIR", default_value = "/etc/avahi/services")]
    pub avahi: PathBuf,
    /// Directory where systemd-resolved looks for files; used if it runs and avahi is missing
    #[arg(long, value_name = "DIR", default_value = "/run/systemd/dnssd")]
    pub resolved: PathBuf,
}

/// Commands for tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Create a token: prints its secret, for the client, to stdout, and its line for the token file to stderr or FILE
    #[command(
        after_help = "Example: mypoll-agent token new --role control --name phone --file /etc/mypoll-agent/tokens"
    )]
    New {
        /// Role of the token
        #[arg(long, value_enum, default_value = "read")]
        role: Role,
        /// Owner of the token: a word or two
        #[arg(long, value_name = "TEXT", default_value = "")]
        name: String,
        /// Append the line to this file; creates the file if necessary
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// The role of a token.
#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    /// Events and levels
    Read,
    /// Events, levels and orders
    Control,
}
