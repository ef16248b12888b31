// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[output]]`: a GPIO line and what it does on which event.

use std::{fmt, path::PathBuf, time::Duration};

use mypoll::{Event, Kind, Lines, Source};
use serde::Deserialize;
use thiserror::Error;

use super::{
    table::{self, Table},
    value,
};

/// A GPIO line that reacts to events.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "OutputKeys")]
pub struct Output {
    /// The GPIO chip.
    pub chip: Chip,
    /// The line of the chip, from 0.
    pub line: u32,
    /// Whether a low level is active. Default: false.
    pub active_low: bool,
    /// What it does.
    pub rule: Rule,
}

/// A GPIO chip.
#[derive(Clone, Debug, PartialEq)]
pub enum Chip {
    /// By its device file: what begins with a slash.
    Path(PathBuf),
    /// By its label.
    Label(String),
}

/// What an output does.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Active while the line is.
    Follow(Line),
    /// Active for a time after an event.
    Blink(Blink),
}

/// A line of the driver's.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "LineKeys")]
pub enum Line {
    /// By its number.
    Number(u32),
    /// By its label.
    Label(String),
}

/// On which events to blink (what is not given does not matter), and for how long.
///
/// An event while it is on starts the time anew.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "BlinkKeys")]
pub struct Blink {
    /// Events of this source only.
    pub source: Option<Source>,
    /// Events of this kind only.
    pub kind: Option<Kind>,
    /// Events of this GPIO line only.
    pub line: Option<Line>,
    /// How long the output is active; above 0, at most 365 days.
    pub on: Duration,
}

/// A rule refers to a line that the driver doesn't have.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("the driver has no line {wanted}; it has: {there_are}")]
pub struct UnknownLine {
    wanted: String,
    there_are: String,
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Label(label) => f.write_str(label),
        }
    }
}

impl Rule {
    /// Whether the driver has the line that the rule refers to.
    ///
    /// # Errors
    ///
    /// It doesn't.
    pub fn check(&self, lines: &Lines) -> Result<(), UnknownLine> {
        let line = match self {
            Self::Follow(line) => line,
            Self::Blink(Blink {
                line: Some(line), ..
            }) => line,
            Self::Blink(_) => return Ok(()),
        };
        let (wanted, known) = match line {
            Line::Number(number) => (
                number.to_string(),
                lines.iter().any(|line| line.number == *number),
            ),
            Line::Label(label) => (format!("`{label}`"), lines.number_of(label).is_some()),
        };
        if known {
            return Ok(());
        }
        let there_are: Vec<_> = lines
            .iter()
            .map(|line| format!("{} `{}`", line.number, line.label))
            .collect();
        Err(UnknownLine {
            wanted,
            there_are: if there_are.is_empty() {
                "none".to_owned()
            } else {
                there_are.join(", ")
            },
        })
    }
}

impl Line {
    /// Whether the event came from this line.
    pub fn is_of(&self, event: &Event, lines: &Lines) -> bool {
        event.source == Source::Gpio
            && match self {
                Self::Number(number) => event.line == *number,
                Self::Label(label) => lines.label_of(event) == Some(label),
            }
    }
}

impl Blink {
    /// Whether to blink on this event.
    pub fn wants(&self, event: &Event, lines: &Lines) -> bool {
        self.source.is_none_or(|source| source == event.source)
            && self.kind.is_none_or(|kind| kind == event.kind)
            && self
                .line
                .as_ref()
                .is_none_or(|line| line.is_of(event, lines))
    }
}

/// `[[output]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OutputKeys {
    #[serde(deserialize_with = "value::chip")]
    chip: Chip,
    #[serde(deserialize_with = "value::whole::<_, _, 0, { u32::MAX as i128 }>")]
    line: u32,
    #[serde(default)]
    active_low: bool,
    #[serde(default, deserialize_with = "table::optional")]
    follow: Option<Line>,
    #[serde(default, deserialize_with = "table::optional")]
    blink: Option<Blink>,
}

/// `follow` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineKeys {
    #[serde(default, deserialize_with = "value::line_number")]
    line: Option<u32>,
    #[serde(default, deserialize_with = "value::line_label")]
    label: Option<String>,
}

/// `blink` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlinkKeys {
    source: Option<Source>,
    kind: Option<Kind>,
    #[serde(default, deserialize_with = "value::line_number")]
    line: Option<u32>,
    #[serde(default, deserialize_with = "value::line_label")]
    label: Option<String>,
    #[serde(deserialize_with = "value::duration_above_zero")]
    on: Duration,
}

impl Table for Output {
    const EXPECTED: &str = "a table headed `[[output]]`";
}

impl Table for Line {
    const EXPECTED: &str = r#"a table such as { label = "door" }"#;
}

impl Table for Blink {
    const EXPECTED: &str = r#"a table such as { on = "100ms" }"#;
}

impl TryFrom<OutputKeys> for Output {
    type Error = &'static str;

    fn try_from(keys: OutputKeys) -> Result<Self, Self::Error> {
        let rule = match (keys.follow, keys.blink) {
            (Some(line), None) => Rule::Follow(line),
            (None, Some(blink)) => Rule::Blink(blink),
            (None, None) => return Err("neither `follow` nor `blink` is given, expected one"),
            (Some(_), Some(_)) => return Err("both `follow` and `blink` are given, expected one"),
        };
        Ok(Self {
            chip: keys.chip,
            line: keys.line,
            active_low: keys.active_low,
            rule,
        })
    }
}

impl TryFrom<LineKeys> for Line {
    type Error = &'static str;

    fn try_from(keys: LineKeys) -> Result<Self, Self::Error> {
        match (keys.line, keys.label) {
            (Some(number), None) => Ok(Self::Number(number)),
            (None, Some(label)) => Ok(Self::Label(label)),
            (None, None) => Err("neither `line` nor `label` is given, expected one"),
            (Some(_), Some(_)) => Err("both `line` and `label` are given, expected one"),
        }
    }
}

impl TryFrom<BlinkKeys> for Blink {
    type Error = String;

    fn try_from(keys: BlinkKeys) -> Result<Self, Self::Error> {
        let line = if keys.line.is_none() && keys.label.is_none() {
            None
        } else {
            Some(Line::try_from(LineKeys {
                line: keys.line,
                label: keys.label,
            })?)
        };
        // What can't be true of one event is a mistake, not an output that never blinks.
        let source = match (keys.source, keys.kind) {
            (Some(source), Some(kind)) if source != kind.source() => {
                return Err(format!(
                    "`kind` {kind} never comes with `source` {source}, expected `source` {}",
                    kind.source()
                ));
            }
            (source, kind) => source.or(kind.map(Kind::source)),
        };
        if line.is_some() && source.is_some_and(|source| source != Source::Gpio) {
            return Err("only events of `source` gpio have a `line` or `label`".to_owned());
        }
        Ok(Self {
            source: keys.source,
            kind: keys.kind,
            line,
            on: keys.on,
        })
    }
}
