// SPDX-License-Identifier: GPL-2.0-only

//! Events and their text form.
//!
//! This file needs nothing but `core`: it is compiled into the module and, unchanged, into a host
//! crate that tests it.

use core::fmt;

/// The source of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Source {
    /// A write of `trigger`.
    Manual = 1,
    /// The periodic timer.
    Timer = 2,
    /// A GPIO line.
    Gpio = 3,
}

impl Source {
    /// All sources.
    pub(crate) const ALL: [Self; 3] = [Self::Manual, Self::Timer, Self::Gpio];

    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Source::Manual => "manual",
            Source::Timer => "timer",
            Source::Gpio => "gpio",
        }
    }
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Kind {
    /// A trigger was written.
    Trigger = 1,
    /// A period of the timer ended.
    Tick = 2,
    /// A line became active.
    Rising = 3,
    /// A line became inactive.
    Falling = 4,
    /// A line was removed.
    Removed = 5,
    /// A line was added.
    Added = 6,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 6] = [
        Self::Trigger,
        Self::Tick,
        Self::Rising,
        Self::Falling,
        Self::Removed,
        Self::Added,
    ];

    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Trigger => "trigger",
            Kind::Tick => "tick",
            Kind::Rising => "rising",
            Kind::Falling => "falling",
            Kind::Removed => "removed",
            Kind::Added => "added",
        }
    }
}

/// An event as its source reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// CLOCK_MONOTONIC in nanoseconds, read when the event occurred.
    pub(crate) timestamp_ns: u64,
    /// Its source.
    pub(crate) source: Source,
    /// Its kind.
    pub(crate) kind: Kind,
    /// The number of the GPIO line, 0 for the other sources.
    pub(crate) line: u32,
    /// GPIO: the logical level after the edge, or of an added line, 0 for a removed line; timer: how
    /// many periods ended; manual: 0.
    pub(crate) value: u32,
    /// GPIO: number of the event within its line, from 1; set by the bus.
    pub(crate) line_sequence: u32,
}

impl Event {
    /// A software trigger.
    pub(crate) fn trigger(timestamp_ns: u64) -> Self {
        Self {
            timestamp_ns,
            source: Source::Manual,
            kind: Kind::Trigger,
            line: 0,
            value: 0,
            line_sequence: 0,
        }
    }

    /// The end of `periods` periods of the timer.
    pub(crate) fn tick(timestamp_ns: u64, periods: u32) -> Self {
        Self {
            timestamp_ns,
            source: Source::Timer,
            kind: Kind::Tick,
            line: 0,
            value: periods,
            line_sequence: 0,
        }
    }

    /// An edge after which `line` has the logical level `active`.
    pub(crate) fn edge(timestamp_ns: u64, line: u32, active: bool) -> Self {
        Self {
            timestamp_ns,
            source: Source::Gpio,
            kind: if active { Kind::Rising } else { Kind::Falling },
            line,
            value: active.into(),
            line_sequence: 0,
        }
    }

    /// The addition of `line`, with its logical level.
    pub(crate) fn added(timestamp_ns: u64, line: u32, active: bool) -> Self {
        Self {
            kind: Kind::Added,
            ..Self::edge(timestamp_ns, line, active)
        }
    }

    /// The removal of `line`, after which it has no edges.
    pub(crate) fn removed(timestamp_ns: u64, line: u32) -> Self {
        Self {
            timestamp_ns,
            source: Source::Gpio,
            kind: Kind::Removed,
            line,
            value: 0,
            line_sequence: 0,
        }
    }
}

/// An event with its position in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The number of the event in the queue, from 1; wraps.
    pub(crate) sequence: u32,
    /// How many events the queue lost just before this one.
    pub(crate) lost: u32,
    /// The event.
    pub(crate) event: Event,
}

impl Record {
    /// The content of an unused slot.
    pub(crate) const EMPTY: Self = Self {
        sequence: 0,
        lost: 0,
        event: Event {
            timestamp_ns: 0,
            source: Source::Manual,
            kind: Kind::Trigger,
            line: 0,
            value: 0,
            line_sequence: 0,
        },
    };
}

/// The text form, one line; docs/interface.md describes the keys.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sequence,
            lost,
            event,
        } = self;
        writeln!(
            f,
            "event={sequence} source={} kind={} line={} value={} lost={lost} timestamp_ns={}",
            event.source.name(),
            event.kind.name(),
            event.line,
            event.value,
            event.timestamp_ns
        )
    }
}

/// The longest possible line: 56 bytes of keys and blanks, names of 6 and 7, four numbers of 10
/// digits, one of 20, and a newline.
pub(crate) const LINE_MAX: usize = 160;
