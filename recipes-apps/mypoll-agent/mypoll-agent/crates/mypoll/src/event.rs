// SPDX-License-Identifier: MIT OR Apache-2.0
//! One event, and its line of text.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{
    keys::{self, KeyError},
    uapi,
};

/// The source of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "lowercase")
)]
#[non_exhaustive]
pub enum Source {
    /// A `trigger` written to the device.
    Manual,
    /// The driver's timer.
    Timer,
    /// A GPIO line.
    Gpio,
}

impl Source {
    const ALL: [Self; 3] = [Self::Manual, Self::Timer, Self::Gpio];

    /// The driver's number.
    pub const fn number(self) -> u16 {
        match self {
            Self::Manual => uapi::SOURCE_MANUAL,
            Self::Timer => uapi::SOURCE_TIMER,
            Self::Gpio => uapi::SOURCE_GPIO,
        }
    }

    /// The source with this number, if this version knows it.
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|source| source.number() == number)
    }

    /// The driver's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Timer => "timer",
            Self::Gpio => "gpio",
        }
    }
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "lowercase")
)]
#[non_exhaustive]
pub enum Kind {
    /// A trigger was written.
    Trigger,
    /// A period of the timer ended.
    Tick,
    /// A GPIO line became active.
    Rising,
    /// A GPIO line became inactive.
    Falling,
    /// A GPIO line was removed: its driver was unbound, or its configfs directory was disabled or removed.
    Removed,
    /// A GPIO line was added.
    Added,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Trigger,
        Self::Tick,
        Self::Rising,
        Self::Falling,
        Self::Removed,
        Self::Added,
    ];

    /// The driver's number.
    pub const fn number(self) -> u16 {
        match self {
            Self::Trigger => uapi::KIND_TRIGGER,
            Self::Tick => uapi::KIND_TICK,
            Self::Rising => uapi::KIND_RISING,
            Self::Falling => uapi::KIND_FALLING,
            Self::Removed => uapi::KIND_REMOVED,
            Self::Added => uapi::KIND_ADDED,
        }
    }

    /// The kind with this number, if this version knows it.
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The driver's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Tick => "tick",
            Self::Rising => "rising",
            Self::Falling => "falling",
            Self::Removed => "removed",
            Self::Added => "added",
        }
    }

    /// The source of such events.
    pub const fn source(self) -> Source {
        match self {
            Self::Trigger => Source::Manual,
            Self::Tick => Source::Timer,
            Self::Rising | Self::Falling | Self::Removed | Self::Added => Source::Gpio,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Source {
    type Err = ParseEventError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| ParseEventError::Source { value: text.into() })
    }
}

impl FromStr for Kind {
    type Err = ParseEventError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| ParseEventError::Kind { value: text.into() })
    }
}

/// One event.
///
/// # Examples
///
/// ```
/// use mypoll::{Event, Kind, Source};
///
/// let event: Event =
///     "event=26 source=gpio kind=rising line=1 value=1 lost=0 timestamp_ns=48213377104".parse()?;
/// assert_eq!(event.sequence, 26);
/// assert_eq!((event.source, event.kind, event.line), (Source::Gpio, Kind::Rising, 1));
/// # Ok::<(), mypoll::ParseEventError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Sequence number (`event=`): from 1 at module load, without gaps, wraps at 2³².
    pub sequence: u32,
    /// Its source.
    pub source: Source,
    /// Its kind.
    pub kind: Kind,
    /// Which GPIO line, 0 to 1023; 0 for the other sources.
    pub line: u32,
    /// GPIO: the logical level after the edge, 0 or 1; for an added line its level, for a removed one 0. Timer: the
    /// number of periods that this tick covers. Manual: 0.
    pub value: u32,
    /// How many events the driver's queue dropped just before this one.
    pub lost: u32,
    /// When it happened: CLOCK_MONOTONIC in nanoseconds, read in the interrupt handler.
    pub timestamp_ns: u64,
}

/// Why a line is not a valid event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseEventError {
    /// A key is missing, or its value is not a number.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The source is unknown; the line is valid otherwise.
    #[error("source `{value}` is none of manual, timer, gpio")]
    Source {
        /// The unknown name.
        value: String,
    },
    /// The kind is unknown; the line is valid otherwise.
    #[error("kind `{value}` is none of trigger, tick, rising, falling, removed, added")]
    Kind {
        /// The unknown name.
        value: String,
    },
}

impl FromStr for Event {
    type Err = ParseEventError;

    /// Parses the driver's line, with or without its newline. Keys may come in any order; unknown keys are ignored.
    fn from_str(line: &str) -> Result<Self, Self::Err> {
        Ok(Self {
            sequence: keys::number(line, "event")?,
            line: keys::number(line, "line")?,
            value: keys::number(line, "value")?,
            lost: keys::number(line, "lost")?,
            timestamp_ns: keys::number(line, "timestamp_ns")?,
            // Last, so that an unknown source or kind is reported only for an otherwise valid event.
            source: keys::value(line, "source")?.parse()?,
            kind: keys::value(line, "kind")?.parse()?,
        })
    }
}

impl fmt::Display for Event {
    /// The driver's line, without the newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sequence,
            source,
            kind,
            line,
            value,
            lost,
            timestamp_ns,
        } = self;
        write!(
            f,
            "event={sequence} source={source} kind={kind} line={line} value={value} lost={lost} \
             timestamp_ns={timestamp_ns}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: &str = "event=4294967295 source=timer kind=tick line=0 value=3 lost=7 timestamp_ns=18446744073709551615";

    #[test]
    fn an_event_survives_text() {
        let event: Event = TICK.parse().unwrap();
        assert_eq!(
            event,
            Event {
                sequence: u32::MAX,
                source: Source::Timer,
                kind: Kind::Tick,
                line: 0,
                value: 3,
                lost: 7,
                timestamp_ns: u64::MAX,
            }
        );
        assert_eq!(event.to_string(), TICK);
    }

    #[test]
    fn every_source_and_kind_survives_text() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            let source = kind.source();
            assert_eq!(source.as_str().parse(), Ok(source));
        }
    }

    #[test]
    fn unknown_keys_and_another_order_are_tolerated() {
        let line = "timestamp_ns=5 colour=red event=1 note source=manual kind=trigger lost=0 value=0 line=0\n";
        let event: Event = line.parse().unwrap();
        assert_eq!((event.sequence, event.timestamp_ns), (1, 5));
    }

    fn error(line: &str) -> String {
        line.parse::<Event>().unwrap_err().to_string()
    }

    #[test]
    fn each_key_is_required() {
        for key in [
            "event",
            "source",
            "kind",
            "line",
            "value",
            "lost",
            "timestamp_ns",
        ] {
            let line = TICK.replace(&format!("{key}="), &format!("no_{key}="));
            assert_eq!(error(&line), format!("`{key}=` is missing"));
        }
    }

    #[test]
    fn bad_values_are_named() {
        assert_eq!(
            error(&TICK.replace("lost=7", "lost=-7")),
            "`lost=-7` is not a whole number in range"
        );
        assert_eq!(
            error(&TICK.replace("4294967295", "4294967296")),
            "`event=4294967296` is not a whole number in range"
        );
        assert_eq!(
            error(&TICK.replace("timer", "sundial")),
            "source `sundial` is none of manual, timer, gpio"
        );
        assert_eq!(
            error(&TICK.replace("tick", "tock")),
            "kind `tock` is none of trigger, tick, rising, falling, removed, added"
        );
        // An invalid event does not count as one of an unknown source.
        assert_eq!(error("event=1 source=sundial"), "`line=` is missing");
    }
}
