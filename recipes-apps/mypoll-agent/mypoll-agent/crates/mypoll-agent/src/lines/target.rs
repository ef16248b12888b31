// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a configuration names a line.

use std::fmt;

use serde::Deserialize;

use super::Line;
use crate::{
    event::{Event, Source},
    section::{table::Table, value},
};

/// A line of the source.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub enum Target {
    /// By its number.
    Number(u32),
    /// By its label.
    Label(String),
}

impl Target {
    /// From the keys `line` and `label`.
    pub(crate) fn new(line: Option<u32>, label: Option<String>) -> Result<Self, &'static str> {
        match (line, label) {
            (Some(number), None) => Ok(Self::Number(number)),
            (None, Some(label)) => Ok(Self::Label(label)),
            (None, None) => Err("neither `line` nor `label` is given, expected one"),
            (Some(_), Some(_)) => Err("both `line` and `label` are given, expected one"),
        }
    }

    /// The number or the label.
    pub fn name(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Label(label) => label.clone(),
        }
    }

    /// Whether the event belongs to this line, or is derived from such an event.
    pub fn is_of(&self, event: &Event) -> bool {
        (event.reading.source == Source::GPIO || event.reading.source.is_derived())
            && match self {
                Self::Number(number) => event.reading.line == *number,
                Self::Label(label) => event.label.as_deref() == Some(label),
            }
    }

    /// Whether this is the line.
    pub fn is(&self, line: &Line) -> bool {
        match self {
            Self::Number(number) => line.number == *number,
            Self::Label(label) => line.label.as_deref() == Some(label),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "line {number}"),
            Self::Label(label) => write!(f, "the line `{label}`"),
        }
    }
}

impl Table for Target {
    const EXPECTED: &str = r#"a table such as { label = "door" }"#;
}

/// A line as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(default, deserialize_with = "value::line_number")]
    line: Option<u32>,
    #[serde(default, deserialize_with = "value::line_label")]
    label: Option<String>,
}

impl TryFrom<Keys> for Target {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        Self::new(keys.line, keys.label)
    }
}
