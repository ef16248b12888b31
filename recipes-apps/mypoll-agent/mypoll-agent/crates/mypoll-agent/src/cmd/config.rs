// SPDX-License-Identifier: MIT OR Apache-2.0
//! Printing a configuration: an example with every key, or what a file comes to with the defaults.

use std::{
    fs,
    io::{self, Write as _},
};

use anyhow::{Context as _, Result};
use clap::Args as ClapArgs;
use mypoll_agent::config::{Config, example};

use super::File;

/// What to print.
#[derive(ClapArgs)]
#[group(required = true, multiple = false)]
pub struct Args {
    /// Every key that there is, with its default
    #[arg(long)]
    example: bool,
    /// The configuration with the defaults of what it leaves out
    #[arg(long)]
    effective: bool,
}

/// Prints it.
pub fn print(file: File<'_>, args: &Args) -> Result<()> {
    let text = if args.example {
        example::TEXT.to_owned()
    } else {
        file.read()?;
        let path = file.0.unwrap_or(Config::PATH.as_ref());
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && file.0.is_none() => {
                String::new()
            }
            text => text.with_context(|| path.display().to_string())?,
        };
        example::effective(&text)?
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
