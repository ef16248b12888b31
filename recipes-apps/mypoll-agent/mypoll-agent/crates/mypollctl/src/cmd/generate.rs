// SPDX-License-Identifier: MIT OR Apache-2.0
//! Completions and man pages, made of the definitions of the commands.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args as ClapArgs, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;

/// What to write, and where.
#[derive(ClapArgs)]
#[command(
    after_help = "Example: mypollctl generate --shell bash --to /usr/share/bash-completion/completions"
)]
pub struct Args {
    /// The folder for the files
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Completions for this shell, in place of the man pages
    #[arg(long, value_enum)]
    shell: Option<Shell>,
}

/// Writes the files.
pub fn run(args: &Args) -> Result<()> {
    let mut command = Cli::command();
    let outcome = match args.shell {
        Some(shell) => {
            clap_complete::generate_to(shell, &mut command, "mypollctl", &args.to).map(drop)
        }
        None => clap_mangen::generate_to(command, &args.to),
    };
    outcome.with_context(|| format!("cannot write to {}", args.to.display()))
}
