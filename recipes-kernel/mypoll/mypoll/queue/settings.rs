// SPDX-License-Identifier: GPL-2.0-only

//! The settings of a private queue.
//!
//! This file needs only `core` and the ring: it is compiled into the module and, unchanged, into a
//! host crate that tests it.

use super::ring::Overflow;
use crate::{
    clock::Clock,
    event::{
        Kind,
        Source, //
    },
    uapi::{
        self,
        Config,
        LineSet, //
    },
};

/// A valid configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Maximum number of events.
    pub(crate) capacity: u32,
    /// What happens when it is full.
    pub(crate) overflow: Overflow,
    /// The clock of its time stamps.
    pub(crate) clock: Clock,
    /// The events that it accepts.
    pub(crate) filter: Filter,
    /// Number of events that makes it readable, 1 to `capacity`.
    pub(crate) watermark_events: u32,
    /// Time after which fewer events do, in microseconds.
    pub(crate) watermark_us: Option<u32>,
}

impl Settings {
    /// Validates a program's configuration; `None` if anything is unknown or out of range.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        if config.flags != 0 {
            return None;
        }
        let capacity = or_default(config.capacity, uapi::CAPACITY_DEFAULT);
        let watermark_events = or_default(config.watermark_events, 1);
        let valid = capacity <= uapi::CAPACITY_MAX
            && watermark_events <= capacity
            && config.watermark_us <= uapi::WATERMARK_US_MAX;
        valid.then_some(Self {
            capacity,
            overflow: match config.overflow {
                uapi::OVERFLOW_DROP_NEWEST => Overflow::DropNewest,
                uapi::OVERFLOW_DROP_OLDEST => Overflow::DropOldest,
                _ => return None,
            },
            clock: match config.clock {
                uapi::CLOCK_MONOTONIC => Clock::Monotonic,
                uapi::CLOCK_REALTIME => Clock::Realtime,
                uapi::CLOCK_BOOTTIME => Clock::Boottime,
                _ => return None,
            },
            filter: Filter::new(config)?,
            watermark_events,
            watermark_us: (config.watermark_us != 0).then_some(config.watermark_us),
        })
    }
}

impl Settings {
    /// Whether it accepts software triggers.
    pub(crate) fn takes_trigger(&self) -> bool {
        self.filter.takes_source(Source::Manual) && self.filter.takes_kind(Kind::Trigger)
    }
}

fn or_default(value: u32, default: u32) -> u32 {
    if value == 0 {
        default
    } else {
        value
    }
}

/// Which events a queue accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Bits of [`Source`].
    sources: u32,
    /// Bits of [`Kind`].
    kinds: u32,
    lines: Option<LineSet>,
}

impl Filter {
    fn new(config: &Config) -> Option<Self> {
        let sources = Source::ALL
            .iter()
            .fold(0, |bits, source| bits | 1 << *source as u32);
        let kinds = Kind::ALL
            .iter()
            .fold(0, |bits, kind| bits | 1 << *kind as u32);
        if config.sources & !sources != 0 || config.kinds & !kinds != 0 {
            return None;
        }
        Some(Self {
            sources: or_default(config.sources, u32::MAX),
            kinds: or_default(config.kinds, u32::MAX),
            lines: config
                .lines
                .iter()
                .any(|word| *word != 0)
                .then_some(config.lines),
        })
    }

    /// Whether events of `source` may match.
    pub(crate) fn takes_source(&self, source: Source) -> bool {
        self.sources & 1 << source as u32 != 0
    }

    /// Whether events of `kind` may match.
    #[inline]
    pub(crate) fn takes_kind(&self, kind: Kind) -> bool {
        self.kinds & 1 << kind as u32 != 0
    }

    /// Returns the lines, unless all match.
    pub(crate) fn lines(&self) -> Option<impl Iterator<Item = u32> + '_> {
        self.lines.as_ref().map(uapi::line_numbers)
    }
}
