// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file: TOML, checked whole before anything is opened.

mod error;
mod output;
mod table;
mod value;

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use toml::de::DeTable;
use tracing_subscriber::filter::LevelFilter;

use table::Table;

pub use error::ConfigError;
pub use output::{Blink, Chip, Line, Output, Rule, UnknownLine};
pub use value::level_from;

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Where the driver is.
    #[serde(deserialize_with = "table::table")]
    pub device: Device,
    /// The TCP server.
    #[serde(deserialize_with = "table::table")]
    pub tcp: Tcp,
    /// What is logged.
    #[serde(deserialize_with = "table::table")]
    pub log: Log,
    /// GPIO outputs that react to events. Default: none.
    #[serde(rename = "output", deserialize_with = "table::array")]
    pub outputs: Vec<Output>,
}

/// `[device]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Device {
    /// The device file. Default: /dev/mypoll.
    #[serde(deserialize_with = "value::path")]
    pub path: PathBuf,
    /// The driver's directory in sysfs. Default: /sys/class/misc/mypoll.
    #[serde(deserialize_with = "value::path")]
    pub sysfs: PathBuf,
}

impl Table for Device {
    const EXPECTED: &str = "a table headed `[device]`";
}

impl Default for Device {
    fn default() -> Self {
        Self {
            path: mypoll::Device::PATH.into(),
            sysfs: mypoll::Sysfs::DIRECTORY.into(),
        }
    }
}

/// `[tcp]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Tcp {
    /// Where clients connect. Default: 127.0.0.1:7070.
    #[serde(deserialize_with = "value::address")]
    pub listen: SocketAddr,
    /// How many clients at a time, 1 to 1000. Default: 64.
    // A process has 1024 descriptors by default.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 1000>")]
    pub max_clients: usize,
    /// How many events wait for a slow client, 1 to 65536, rounded up to a power of two. Default: 256.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 65536>")]
    pub queue: usize,
    /// A connection on which no byte moved for so long, at most 365 days, is closed. Default: never.
    #[serde(deserialize_with = "value::duration_or_never")]
    pub idle_timeout: Option<Duration>,
    /// How long the end takes at most: for what the driver still has, and for the clients to take what is queued.
    /// Up to 365 days. Default: 2 s.
    #[serde(deserialize_with = "value::duration")]
    pub drain_timeout: Duration,
}

impl Table for Tcp {
    const EXPECTED: &str = "a table headed `[tcp]`";
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 7070).into(),
            max_clients: 64,
            queue: 256,
            idle_timeout: None,
            drain_timeout: Duration::from_secs(2),
        }
    }
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Log {
    /// The least important messages that are logged. Default: info.
    #[serde(deserialize_with = "value::level")]
    pub level: LevelFilter,
}

impl Table for Log {
    const EXPECTED: &str = "a table headed `[log]`";
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LevelFilter::INFO,
        }
    }
}

impl Config {
    /// The file that is read when none is named.
    pub const PATH: &str = "/etc/mypoll-agent.toml";

    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// The file can't be read, or something in it is wrong.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let bytes = fs::read(path).map_err(|source| ConfigError::Read {
            path: path.into(),
            source,
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|error| ConfigError::NotUtf8 {
            path: path.into(),
            line: error::line_at(&bytes, error.valid_up_to()),
        })?;
        Self::parse(path, text)
    }

    /// As [`Config::read`]; without a file the defaults.
    ///
    /// # Errors
    ///
    /// As [`Config::read`], but for a file that does not exist.
    pub fn read_if_there(path: &Path) -> Result<Self, ConfigError> {
        match Self::read(path) {
            Err(ConfigError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            result => result,
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let document = DeTable::parse(text)
            .map_err(|error| ConfigError::invalid(path, text, "", error.span(), &error))?;
        serde_path_to_error::deserialize(toml::Deserializer::from(document.clone())).map_err(
            |error| {
                let key = error.path().to_string();
                let span = error::table_span(&document, error.path()).or(error.inner().span());
                ConfigError::invalid(path, text, &key, span, error.inner())
            },
        )
    }
}

#[cfg(test)]
mod tests;
