// SPDX-License-Identifier: MIT OR Apache-2.0
//! The section of the configuration.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    lines::Target,
    section::{table::Table, value},
    stage::config::{time, time_or_never},
};

/// `[[gesture]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Config {
    /// The line.
    pub line: Target,
    /// Shorter presses are clicks. At most `long_press`. Default: the same.
    pub click: Duration,
    /// A press this soon after a click adds to its count. Default: 300 ms.
    pub double_click: Duration,
    /// Presses of at least this length are long. Default: 500 ms.
    pub long_press: Duration,
    /// Interval at which a long press repeats. Default: never.
    pub repeat: Option<Duration>,
    /// Maximum number of clicks to count, 1 to 3. Default: 3.
    pub clicks: u32,
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[[gesture]]`";

    fn fits(&self, earlier: &[Self]) -> Result<(), String> {
        match earlier.iter().position(|other| other.line == self.line) {
            Some(index) => Err(format!(
                "gesture[{index}] already uses {}, expected one section per line",
                self.line
            )),
            None => Ok(()),
        }
    }
}

/// `[[gesture]]` as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    #[serde(default, deserialize_with = "value::line_number")]
    line: Option<u32>,
    #[serde(default, deserialize_with = "value::line_label")]
    label: Option<String>,
    #[serde(default, deserialize_with = "time")]
    click: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    double_click: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    long_press: Option<Duration>,
    #[serde(default, deserialize_with = "time_or_never")]
    repeat: Option<Duration>,
    #[serde(default = "most", deserialize_with = "value::whole::<_, _, 1, 3>")]
    clicks: u32,
}

fn most() -> u32 {
    3
}

impl TryFrom<Keys> for Config {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let long_press = keys.long_press.unwrap_or(Duration::from_millis(500));
        let click = keys.click.unwrap_or(long_press);
        if click > long_press {
            return Err(format!(
                "`click` {click:?} is longer than `long-press` {long_press:?}: \
                 expected a `click` of at most {long_press:?}"
            ));
        }
        Ok(Self {
            line: Target::new(keys.line, keys.label)?,
            click,
            double_click: keys.double_click.unwrap_or(Duration::from_millis(300)),
            long_press,
            repeat: keys.repeat,
            clicks: keys.clicks,
        })
    }
}
