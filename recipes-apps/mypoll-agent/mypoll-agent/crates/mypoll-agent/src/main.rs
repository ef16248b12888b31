// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypoll-agent`: carries the events of a board's lines to the network and to GPIO outputs.

mod cli;
mod cmd;
mod log;
mod signals;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Result;
use clap::Parser as _;
use cli::{Cli, Command};
use mypoll_agent::quote::shorten;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut error = format!("{error:#}");
            shorten(&mut error);
            // eprintln! would panic if stderr is closed. The exit status reports the failure, too.
            let _ = writeln!(io::stderr(), "mypoll-agent: {error}");
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
        Some(Command::Announce(args)) => cmd::announce::announce(file, args),
        Some(Command::Status { json }) => cmd::status::print(&file.read()?, *json),
    }
}
