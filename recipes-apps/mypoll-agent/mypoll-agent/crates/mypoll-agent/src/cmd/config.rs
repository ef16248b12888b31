// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prints a configuration: an example with every key, or the effective one.

use std::{
    fs,
    io::{self, Write as _},
};

use anyhow::{Context as _, Result};
use mypoll_agent::config::{Config, example};

use super::File;
use crate::cli::ConfigArgs;

/// Prints the configuration.
pub fn print(file: File<'_>, args: &ConfigArgs) -> Result<()> {
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
