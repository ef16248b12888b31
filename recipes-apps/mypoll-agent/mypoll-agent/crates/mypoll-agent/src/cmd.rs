// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands of the program.

pub mod check;
pub mod config;
pub mod run;
pub mod status;
pub mod token;

use std::path::Path;

use mypoll_agent::config::{Config, ConfigError};

/// The configuration file that was named, if one was.
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

    /// What it is, for people.
    pub fn describe(self) -> String {
        match self.0 {
            Some(path) => path.display().to_string(),
            None if Path::new(Config::PATH).exists() => Config::PATH.to_owned(),
            None => format!("there is no {}: the defaults", Config::PATH),
        }
    }
}
