// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options and commands of the program, by clap alone: the man page is made of this file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Carry the events of a board's lines to the network and to GPIO outputs.
///
/// Without a command it runs in the foreground and logs to stderr. SIGTERM and SIGINT end it after its clients got
/// what is theirs; SIGHUP has it read its configuration again. MYPOLL_AGENT_LOG=debug logs more (off, error, warn,
/// info, debug, trace).
#[derive(Parser)]
#[command(
    name = "mypoll-agent",
    version,
    after_help = "Example: mypoll-agent --config agent.toml check --probe"
)]
pub struct Cli {
    /// The configuration file [default: /etc/mypoll-agent.toml, or the defaults where that doesn't exist]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Check the configuration; open nothing
    Check {
        /// Also open what the agent would: the device, sockets, certificates, outputs
        #[arg(long)]
        probe: bool,
    },
    /// Print a configuration
    Config(ConfigArgs),
    /// Make tokens for clients
    #[command(subcommand)]
    Token(TokenCommand),
    /// Have the listeners that are open to other machines announced by DNS-SD, by avahi or systemd-resolved; needs root
    Announce(AnnounceArgs),
    /// Ask the agent that runs how it is
    Status {
        /// One JSON object, in place of a line for each part
        #[arg(long)]
        json: bool,
    },
}

/// What to print.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct ConfigArgs {
    /// Every key that there is, with its default
    #[arg(long)]
    pub example: bool,
    /// The configuration with the defaults of what it leaves out
    #[arg(long)]
    pub effective: bool,
}

/// What to announce, and where.
#[derive(Args)]
pub struct AnnounceArgs {
    /// Announce nothing any more
    #[arg(long)]
    pub remove: bool,
    /// Where avahi looks for files
    #[arg(long, value_name = "FOLDER", default_value = "/etc/avahi/services")]
    pub avahi: PathBuf,
    /// Where systemd-resolved looks for files, where that runs and avahi is not here
    #[arg(long, value_name = "FOLDER", default_value = "/run/systemd/dnssd")]
    pub resolved: PathBuf,
}

/// What to do with tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make a token: its secret, for the client, goes to stdout; its line, for the file of tokens, to FILE or to stderr
    #[command(
        after_help = "Example: mypoll-agent token new --role control --name phone --file /etc/mypoll-agent/tokens"
    )]
    New {
        /// What the token allows
        #[arg(long, value_enum, default_value = "read")]
        role: Role,
        /// Whose it is: a word or two
        #[arg(long, value_name = "TEXT", default_value = "")]
        name: String,
        /// Append the line to this file, which is made where it is missing
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// What a token allows.
#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    /// Events and levels
    Read,
    /// Those, and orders
    Control,
}
