// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines and events that an output's rule is about.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer};

use super::config::Timed;
use crate::{
    event::{Event, Kind, Source},
    lines::Line,
    section::{table::Table, value},
};

/// A line of the source.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "TargetKeys")]
pub enum Target {
    /// By its number.
    Number(u32),
    /// By its label.
    Label(String),
}

/// Which events an output reacts to: those that fit all that is given.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "FilterKeys")]
pub struct Filter {
    /// Events of this source only.
    pub source: Option<Source>,
    /// Events of this kind only. Default: every kind but `level`, which tells of no change at that moment.
    pub kind: Option<Kind>,
    /// Events of this line only.
    pub line: Option<Target>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "line {number}"),
            Self::Label(label) => write!(f, "the line `{label}`"),
        }
    }
}

impl Target {
    /// Whether the event is one of this line.
    pub fn is_of(&self, event: &Event) -> bool {
        event.reading.source == Source::GPIO
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

impl Filter {
    /// Whether to react to this event.
    pub fn takes(&self, event: &Event) -> bool {
        let Event { reading, .. } = event;
        let kind = match self.kind {
            Some(kind) => kind == reading.kind,
            None => reading.kind != Kind::LEVEL,
        };
        kind && self.source.is_none_or(|source| source == reading.source)
            && self.line.as_ref().is_none_or(|line| line.is_of(event))
    }
}

impl Table for Target {
    const EXPECTED: &str = r#"a table such as { label = "door" }"#;
}

impl Table for Filter {
    const EXPECTED: &str = r#"a table such as { label = "button", kind = "rising" }"#;
}

/// `follow` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetKeys {
    #[serde(default, deserialize_with = "value::line_number")]
    line: Option<u32>,
    #[serde(default, deserialize_with = "value::line_label")]
    label: Option<String>,
}

/// `toggle` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilterKeys {
    #[serde(default, deserialize_with = "source")]
    source: Option<Source>,
    #[serde(default, deserialize_with = "kind")]
    kind: Option<Kind>,
    #[serde(default, deserialize_with = "value::line_number")]
    line: Option<u32>,
    #[serde(default, deserialize_with = "value::line_label")]
    label: Option<String>,
}

/// `blink` and `pulse` as they are written: serde's `flatten` would let unknown keys through.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimedKeys {
    #[serde(default, deserialize_with = "source")]
    source: Option<Source>,
    #[serde(default, deserialize_with = "kind")]
    kind: Option<Kind>,
    #[serde(default, deserialize_with = "value::line_number")]
    line: Option<u32>,
    #[serde(default, deserialize_with = "value::line_label")]
    label: Option<String>,
    #[serde(deserialize_with = "value::duration_above_zero")]
    on: Duration,
}

impl TryFrom<TargetKeys> for Target {
    type Error = &'static str;

    fn try_from(keys: TargetKeys) -> Result<Self, Self::Error> {
        match (keys.line, keys.label) {
            (Some(number), None) => Ok(Self::Number(number)),
            (None, Some(label)) => Ok(Self::Label(label)),
            (None, None) => Err("neither `line` nor `label` is given, expected one"),
            (Some(_), Some(_)) => Err("both `line` and `label` are given, expected one"),
        }
    }
}

impl TryFrom<FilterKeys> for Filter {
    type Error = String;

    fn try_from(keys: FilterKeys) -> Result<Self, Self::Error> {
        let line = match (keys.line, keys.label) {
            (None, None) => None,
            (line, label) => Some(Target::try_from(TargetKeys { line, label })?),
        };
        // What can't be true of one event is a mistake, not an output that never does anything.
        let of_kind = keys.kind.and_then(source_of);
        match (keys.source, keys.kind, of_kind) {
            (Some(source), Some(kind), Some(right)) if source != right => {
                return Err(format!(
                    "`kind` {} never comes with `source` {}, expected `source` {}",
                    kind.name(),
                    source.name(),
                    right.name()
                ));
            }
            _ => {}
        }
        let source = keys.source.or(of_kind);
        if line.is_some() && source.is_some_and(|source| source != Source::GPIO) {
            return Err("only events of `source` gpio have a `line` or `label`".to_owned());
        }
        Ok(Self {
            source: keys.source,
            kind: keys.kind,
            line,
        })
    }
}

impl TryFrom<TimedKeys> for Timed {
    type Error = String;

    fn try_from(keys: TimedKeys) -> Result<Self, Self::Error> {
        let filter = Filter::try_from(FilterKeys {
            source: keys.source,
            kind: keys.kind,
            line: keys.line,
            label: keys.label,
        })?;
        Ok(Self {
            filter,
            on: keys.on,
        })
    }
}

/// The source that events of a kind come from, where it is known.
fn source_of(kind: Kind) -> Option<Source> {
    match kind {
        Kind::TRIGGER => Some(Source::MANUAL),
        Kind::TICK => Some(Source::TIMER),
        Kind::RISING | Kind::FALLING | Kind::REMOVED | Kind::ADDED | Kind::LEVEL => {
            Some(Source::GPIO)
        }
        _ => None,
    }
}

fn source<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Source>, D::Error> {
    let expected = r#""manual", "timer" or "gpio""#;
    value::parsed(deserializer, expected, Source::from_name).map(Some)
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Kind>, D::Error> {
    let expected = r#""trigger", "tick", "rising", "falling", "removed", "added" or "level""#;
    value::parsed(deserializer, expected, Kind::from_name).map(Some)
}
