// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making tokens.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use clap::{Subcommand, ValueEnum};
use mypoll_agent::net::token;

/// What to do with tokens.
#[derive(Subcommand)]
pub enum Command {
    /// Make a token: its secret, for the client, goes to stdout; its line, for the file of tokens, to FILE or to stderr
    #[command(
        after_help = "Example: mypoll-agent token new --role control --name phone --file /etc/mypoll-agent.tokens"
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

/// Does it.
pub fn run(command: &Command) -> Result<()> {
    let Command::New { role, name, file } = command;
    let role = match role {
        Role::Read => mypoll_agent::net::Role::Read,
        Role::Control => mypoll_agent::net::Role::Control,
    };
    let token = token::new_token(role, name)?;
    match file {
        Some(path) => fs::File::options()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(path)
            .and_then(|mut file| writeln!(file, "{}", token.line))
            .with_context(|| format!("cannot add the token to {}", path.display()))?,
        None => writeln!(io::stderr(), "{}", token.line)?,
    }
    writeln!(io::stdout(), "{}", token.secret)?;
    Ok(())
}
