// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file: TOML, validated as a whole before anything is opened. Each part of the agent defines its section.

mod conflict;
mod error;
pub mod example;
mod reader;

use std::{borrow::Cow, fs, io, path::Path, time::Duration};

use serde::Deserialize;
use toml::de::DeTable;
use tracing::level_filters::LevelFilter;

#[cfg(feature = "http")]
use crate::sink::http;
#[cfg(feature = "mqtt")]
use crate::sink::mqtt;
use crate::{
    journal,
    section::{
        table::{self, Table},
        value,
    },
    sink::{Section, counters, output, stream},
    source::{queue, simulated},
    stage::{chord, gesture, watchdog},
};
pub use error::ConfigError;

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The agent as a whole.
    #[serde(deserialize_with = "table::table")]
    pub agent: Agent,
    /// Settings of the log.
    #[serde(deserialize_with = "table::table")]
    pub log: Log,
    /// How many events are kept.
    #[serde(deserialize_with = "table::table")]
    pub journal: journal::Config,
    /// Events from the driver. Default, if no other source is configured.
    #[serde(deserialize_with = "table::optional")]
    pub device: Option<queue::Config>,
    /// Events from GPIO lines, without the driver.
    #[cfg(feature = "gpiochip")]
    #[serde(deserialize_with = "table::optional")]
    pub gpiochip: Option<crate::source::gpiochip::Config>,
    /// Events from a FIFO instead of the driver.
    #[serde(deserialize_with = "table::optional")]
    pub simulated: Option<simulated::Config>,
    /// Listeners for JSON lines. Default: one on 127.0.0.1:7070. `stream = []` disables them.
    #[serde(deserialize_with = "table::optional_array")]
    pub stream: Option<Vec<stream::Config>>,
    /// Live page, and events, state and orders by HTTP.
    #[cfg(feature = "http")]
    #[serde(deserialize_with = "table::array")]
    pub http: Vec<http::Config>,
    /// Events for clicks and long presses of lines. Default: none.
    #[serde(deserialize_with = "table::array")]
    pub gesture: Vec<gesture::Config>,
    /// Events for lines that become active together. Default: none.
    #[serde(deserialize_with = "table::array")]
    pub chord: Vec<chord::Config>,
    /// Events for lines that do not change for too long. Default: none.
    #[serde(deserialize_with = "table::array")]
    pub watchdog: Vec<watchdog::Config>,
    /// Pulse counting. Default: off.
    #[serde(deserialize_with = "table::optional")]
    pub counters: Option<counters::Config>,
    /// GPIO lines that the agent drives. Default: none.
    #[serde(deserialize_with = "table::array")]
    pub output: Vec<output::Config>,
    /// Reactions to events. Default: none.
    #[cfg(feature = "rule")]
    #[serde(deserialize_with = "table::array")]
    pub rule: Vec<crate::sink::rule::Config>,
    /// MQTT brokers that events are published to. Default: none.
    #[cfg(feature = "mqtt")]
    #[serde(deserialize_with = "table::array")]
    pub mqtt: Vec<mqtt::Config>,
}

/// `[agent]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Agent {
    /// Name of this machine in a fleet. Default: from a permanent /etc/machine-id, else the host name.
    pub machine: Option<String>,
    /// Time limit for a shutdown, in which the source's pending events are read and sent to clients. At most 365 days.
    /// Default: 2 s.
    #[serde(deserialize_with = "value::duration")]
    pub drain_timeout: Duration,
    /// Whether to announce, by DNS-SD, listeners that other machines can reach. Default: true.
    pub announce: bool,
}

impl Table for Agent {
    const EXPECTED: &str = "a table headed `[agent]`";
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            machine: None,
            drain_timeout: Duration::from_secs(2),
            announce: true,
        }
    }
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Log {
    /// The least severe level that is logged. Default: info.
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
    /// The sections that choose the source.
    const SOURCES: [&str; 3] = ["device", "gpiochip", "simulated"];

    /// The default configuration file.
    pub const PATH: &str = "/etc/mypoll-agent.toml";

    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// The file is unreadable or invalid.
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

    /// Like [`Config::read`], but uses the defaults if the file does not exist.
    ///
    /// # Errors
    ///
    /// Same as [`Config::read`], except for a missing file.
    pub fn read_if_there(path: &Path) -> Result<Self, ConfigError> {
        match Self::read(path) {
            Err(ConfigError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            result => result,
        }
    }

    /// The `[[stream]]` sections, or the default one.
    fn streams(&self) -> Cow<'_, [stream::Config]> {
        match &self.stream {
            Some(sections) => sections.into(),
            None => vec![stream::Config::default()].into(),
        }
    }

    /// The sinks, each with its section.
    pub fn sinks(&self) -> Vec<Section> {
        let stream = self.streams().into_owned().into_iter().map(Section::Stream);
        let output = self.output.iter().cloned().map(Section::Output);
        let counters = self.counters.clone().map(Section::Counters);
        let sinks = stream.chain(output).chain(counters);
        #[cfg(feature = "http")]
        let sinks = sinks.chain(self.http.iter().cloned().map(Section::Http));
        #[cfg(feature = "rule")]
        let sinks = sinks.chain(self.rule.iter().cloned().map(Section::Rule));
        #[cfg(feature = "mqtt")]
        let sinks = sinks.chain(self.mqtt.iter().cloned().map(Box::new).map(Section::Mqtt));
        sinks.collect()
    }

    /// Parses a configuration; errors refer to it as `path`.
    ///
    /// # Errors
    ///
    /// It is invalid.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let document = DeTable::parse(text)
            .map_err(|error| ConfigError::invalid(path, text, "", error.span(), error.message()))?;
        error::one_of(path, text, &document, &Self::SOURCES)?;
        let config: Self = reader::read(document.get_ref()).map_err(|wrong| {
            ConfigError::invalid(path, text, &wrong.key, wrong.span, &wrong.problem)
        })?;
        conflict::check(&config)
            .map_err(|conflict| ConfigError::conflict(path, text, &document, conflict))?;
        Ok(config)
    }
}
