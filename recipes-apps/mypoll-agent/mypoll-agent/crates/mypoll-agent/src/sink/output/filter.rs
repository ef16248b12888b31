// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events that an output's rule is about.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::config::Timed;
use crate::{
    event::{Event, Kind, Source},
    lines::Target,
    section::{table::Table, value},
};

/// Which events an output reacts to: those that fit all that is given.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "FilterKeys")]
pub struct Filter {
    /// Events of this source only. Default: those of all but gestures and the watchdog, unless `kind` is one of theirs.
    pub source: Option<Source>,
    /// Events of this kind only. Default: every kind but `level`, which tells of no change at that moment.
    pub kind: Option<Kind>,
    /// Events of this line only.
    pub line: Option<Target>,
}

impl Filter {
    /// Whether to react to this event.
    pub fn takes(&self, event: &Event) -> bool {
        let Event { reading, .. } = event;
        let kind = match self.kind {
            Some(kind) => kind == reading.kind,
            None => {
                reading.kind != Kind::LEVEL
                    && (self.source.is_some() || !reading.source.is_derived())
            }
        };
        kind && self.source.is_none_or(|source| source == reading.source)
            && self.line.as_ref().is_none_or(|line| line.is_of(event))
    }
}

impl Table for Filter {
    const EXPECTED: &str = r#"a table such as { label = "button", kind = "rising" }"#;
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

impl TryFrom<FilterKeys> for Filter {
    type Error = String;

    fn try_from(keys: FilterKeys) -> Result<Self, Self::Error> {
        let line = match (keys.line, keys.label) {
            (None, None) => None,
            (line, label) => Some(Target::new(line, label)?),
        };
        // What can't be true of one event is a mistake, not an output that never does anything.
        let of_kind = keys.kind.and_then(Kind::source);
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
        if let Some(source) = source.filter(|source| line.is_some() && !source.has_lines()) {
            return Err(format!(
                "events of `source` {} have no `line` or `label`",
                source.name()
            ));
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

fn source<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Source>, D::Error> {
    let expected = r#""manual", "timer", "gpio", "gesture" or "watchdog""#;
    value::parsed(deserializer, expected, Source::from_name).map(Some)
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Kind>, D::Error> {
    let expected = "\"trigger\", \"tick\", \"rising\", \"falling\", \"removed\", \"added\", \"level\", \"click\", \
                    \"double-click\", \"triple-click\", \"long-press\", \"repeat\", \"release\", \"chord\", \"silent\", \
                    \"active-too-long\" or \"recovered\"";
    value::parsed(deserializer, expected, Kind::from_name).map(Some)
}
