// SPDX-License-Identifier: MIT OR Apache-2.0
//! The GPIO lines that the driver watches.

use std::str::FromStr;

use thiserror::Error;

use crate::{Event, Source};

/// One GPIO line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in an event's `line`, 0 to 1023.
    pub number: u32,
    /// Its label; may contain spaces.
    pub label: String,
}

/// `{0}` is not a valid line of the driver's `lines`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not of the form `line=0 label=button`")]
pub struct ParseLineError(String);

impl FromStr for Line {
    type Err = ParseLineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix("line=")
            .and_then(|rest| rest.split_once(" label="))
            .and_then(|(number, label)| {
                Some(Self {
                    number: number.parse().ok()?,
                    label: label.to_owned(),
                })
            })
            .ok_or_else(|| ParseLineError(text.to_owned()))
    }
}

/// All GPIO lines of the driver.
///
/// # Examples
///
/// ```
/// let lines: mypoll::Lines = "line=0 label=button\nline=1 label=front door\n".parse()?;
/// assert_eq!(lines.number_of("front door"), Some(1));
/// # Ok::<(), mypoll::ParseLineError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(Vec<Line>);

impl Lines {
    /// The lines in the driver's order.
    pub fn iter(&self) -> std::slice::Iter<'_, Line> {
        self.0.iter()
    }

    /// The number of the line with this label; the first one where several share it.
    pub fn number_of(&self, label: &str) -> Option<u32> {
        self.iter()
            .find(|line| line.label == label)
            .map(|line| line.number)
    }

    /// The label of the line of an event, if it has one.
    pub fn label_of(&self, event: &Event) -> Option<&str> {
        self.iter()
            .find(|line| event.source == Source::Gpio && line.number == event.line)
            .map(|line| line.label.as_str())
            .filter(|label| !label.is_empty())
    }
}

impl FromStr for Lines {
    type Err = ParseLineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.lines()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn lines() -> Lines {
        "line=0 label=button\nline=1 label=front door=open\nline=2 label=\n"
            .parse()
            .unwrap()
    }

    fn event(source: Source, kind: Kind, line: u32) -> Event {
        Event {
            sequence: 1,
            source,
            kind,
            line,
            value: 0,
            lost: 0,
            timestamp_ns: 0,
        }
    }

    #[test]
    fn a_label_is_the_rest_of_the_line() {
        assert_eq!(lines().number_of("front door=open"), Some(1));
        assert_eq!(lines().number_of("front door"), None);
    }

    #[test]
    fn only_gpio_events_of_a_labelled_line_have_a_label() {
        let label_of = |source, kind, line| {
            lines()
                .label_of(&event(source, kind, line))
                .map(str::to_owned)
        };
        assert_eq!(
            label_of(Source::Gpio, Kind::Rising, 0).as_deref(),
            Some("button")
        );
        assert_eq!(label_of(Source::Timer, Kind::Tick, 0), None);
        assert_eq!(label_of(Source::Gpio, Kind::Falling, 2), None);
        assert_eq!(label_of(Source::Gpio, Kind::Falling, 3), None);
    }

    #[test]
    fn other_text_is_an_error() {
        for text in ["line=x label=a", "line=0", "label=a line=0"] {
            assert_eq!(
                text.parse::<Lines>().unwrap_err().to_string(),
                format!("`{text}` is not of the form `line=0 label=button`")
            );
        }
        assert_eq!("".parse(), Ok(Lines::default()));
    }
}
