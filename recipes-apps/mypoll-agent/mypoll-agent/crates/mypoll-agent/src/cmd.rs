// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands of the program.

pub mod announce;
pub mod check;
pub mod config;
pub mod run;
pub mod status;
pub mod token;

use std::{fs, path::Path};

use anyhow::{Result, bail};
use mypoll_agent::config::{Config, ConfigError};

/// The `--config` argument, if given.
#[derive(Clone, Copy)]
pub struct File<'a>(pub Option<&'a Path>);

impl File<'_> {
    /// Reads it; the default file need not exist.
    pub fn read(self) -> Result<Config, ConfigError> {
        match self.0 {
            Some(path) => Config::read(path),
            None => Config::read_if_there(Config::PATH.as_ref()),
        }
    }

    /// Reads it while the agent runs; refuses files that may block, such as a FIFO.
    pub fn read_again(self) -> Result<Config> {
        let path = self.0.unwrap_or(Config::PATH.as_ref());
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            bail!(
                "{} is not a regular file: it is only read at startup",
                path.display()
            );
        }
        Ok(self.read()?)
    }

    /// The message for a valid file.
    pub fn valid(self) -> String {
        match self.0 {
            Some(path) => format!("{}: valid", path.display()),
            None if Path::new(Config::PATH).exists() => format!("{}: valid", Config::PATH),
            None => format!("there is no {}; the defaults are valid", Config::PATH),
        }
    }
}
