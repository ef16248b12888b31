// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration of a queue.

use std::{ops::RangeInclusive, time::Duration};

use thiserror::Error;

use crate::{
    event::{Kind, Source},
    uapi,
};

/// Valid capacities of a queue, in events.
pub const CAPACITY: RangeInclusive<u32> = 1..=uapi::CAPACITY_MAX;

/// Valid watermark times; the resolution is a microsecond.
pub const WATERMARK_TIME: RangeInclusive<Duration> =
    Duration::from_micros(1)..=Duration::from_micros(uapi::WATERMARK_US_MAX as u64);

/// Which event a full queue drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The new event.
    #[default]
    DropNewest,
    /// The oldest event, which would be read next.
    DropOldest,
}

/// The clock of a queue's time stamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Clock {
    /// `CLOCK_MONOTONIC`: stops during suspend.
    #[default]
    Monotonic,
    /// `CLOCK_REALTIME`: nanoseconds since 1970 in UTC; jumps when the time is set.
    Realtime,
    /// `CLOCK_BOOTTIME`: continues during suspend.
    Boottime,
}

/// Configuration of a queue.
///
/// # Examples
///
/// The last 100 edges of two lines, in batches of at least 10, or of fewer 50 ms after the first:
///
/// ```
/// use std::time::Duration;
/// use mypoll::{Source, queue::{Config, Overflow}};
///
/// let config = Config::new()
///     .capacity(100)
///     .overflow(Overflow::DropOldest)
///     .sources([Source::Gpio])
///     .lines([0, 1])
///     .watermark_events(10)
///     .watermark_time(Duration::from_millis(50));
/// # let _ = config;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Config {
    capacity: Option<u32>,
    overflow: Overflow,
    clock: Clock,
    sources: Option<Vec<Source>>,
    kinds: Option<Vec<Kind>>,
    lines: Option<Vec<u32>>,
    watermark_events: Option<u32>,
    watermark_time: Option<Duration>,
}

impl Config {
    /// A queue for every event, readable when it is not empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// The capacity in events, in [`CAPACITY`]. Default: 4096.
    pub fn capacity(mut self, events: u32) -> Self {
        self.capacity = Some(events);
        self
    }

    /// Which event it drops when it is full. Default: [`Overflow::DropNewest`].
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// The clock of its time stamps. Default: [`Clock::Monotonic`].
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Which sources to include, at least one. Default: all, including those of later drivers.
    pub fn sources(mut self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.sources = Some(sources.into_iter().collect());
        self
    }

    /// Which kinds of events to include, at least one. Default: all, including those of later drivers.
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.kinds = Some(kinds.into_iter().collect());
        self
    }

    /// Which GPIO lines to include, by number, 0 to 1023, at least one. Default: all. Does not affect other sources.
    pub fn lines(mut self, numbers: impl IntoIterator<Item = u32>) -> Self {
        self.lines = Some(numbers.into_iter().collect());
        self
    }

    /// How many events make it readable, 1 to its capacity. Default: 1. If equal to the capacity, it is readable when
    /// full.
    pub fn watermark_events(mut self, events: u32) -> Self {
        self.watermark_events = Some(events);
        self
    }

    /// How long after the first event it becomes readable with fewer events, in [`WATERMARK_TIME`]; rounded up to
    /// microseconds. Default: never.
    pub fn watermark_time(mut self, time: Duration) -> Self {
        self.watermark_time = Some(time);
        self
    }
}

/// An invalid value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The capacity.
    #[error("a capacity of {events} events is outside {} to {}", CAPACITY.start(), CAPACITY.end())]
    Capacity {
        /// The requested capacity.
        events: u32,
    },
    /// The watermark in events.
    #[error("a watermark of {events} events is outside 1 to {capacity}, the capacity")]
    WatermarkEvents {
        /// The requested watermark.
        events: u32,
        /// The capacity in the same configuration.
        capacity: u32,
    },
    /// The watermark in time.
    #[error("a watermark of {time:?} is outside {:?} to {:?}", WATERMARK_TIME.start(), WATERMARK_TIME.end())]
    WatermarkTime {
        /// The requested watermark.
        time: Duration,
    },
    /// A filter without sources.
    #[error("a queue needs at least one source; omit sources() for all")]
    NoSource,
    /// A filter without kinds.
    #[error("a queue needs at least one kind of event; omit kinds() for all")]
    NoKind,
    /// A filter without lines.
    #[error("a filter by line needs at least one line; use sources() without Gpio for none")]
    NoLine,
    /// The number of a line.
    #[error("line {number} is outside 0 to {}", uapi::LINES_MAX - 1)]
    Line {
        /// The requested number.
        number: u32,
    },
}

impl TryFrom<&Config> for uapi::Config {
    type Error = ConfigError;

    fn try_from(config: &Config) -> Result<Self, ConfigError> {
        let capacity = config.capacity.unwrap_or(uapi::CAPACITY_DEFAULT);
        if !CAPACITY.contains(&capacity) {
            return Err(ConfigError::Capacity { events: capacity });
        }
        let watermark_events = config.watermark_events.unwrap_or(1);
        if !(1..=capacity).contains(&watermark_events) {
            return Err(ConfigError::WatermarkEvents {
                events: watermark_events,
                capacity,
            });
        }
        Ok(Self {
            capacity,
            overflow: match config.overflow {
                Overflow::DropNewest => uapi::OVERFLOW_DROP_NEWEST,
                Overflow::DropOldest => uapi::OVERFLOW_DROP_OLDEST,
            },
            clock: match config.clock {
                Clock::Monotonic => uapi::CLOCK_MONOTONIC,
                Clock::Realtime => uapi::CLOCK_REALTIME,
                Clock::Boottime => uapi::CLOCK_BOOTTIME,
            },
            sources: config.sources.as_deref().map_or(Ok(0), source_bits)?,
            watermark_events,
            watermark_us: config.watermark_time.map_or(Ok(0), microseconds)?,
            flags: 0,
            kinds: config.kinds.as_deref().map_or(Ok(0), kind_bits)?,
            lines: config
                .lines
                .as_deref()
                .map_or(Ok(Default::default()), line_bits)?,
        })
    }
}

fn source_bits(sources: &[Source]) -> Result<u32, ConfigError> {
    match sources
        .iter()
        .fold(0, |bits, source| bits | 1 << source.number())
    {
        0 => Err(ConfigError::NoSource),
        bits => Ok(bits),
    }
}

fn kind_bits(kinds: &[Kind]) -> Result<u32, ConfigError> {
    match kinds.iter().fold(0, |bits, kind| bits | 1 << kind.number()) {
        0 => Err(ConfigError::NoKind),
        bits => Ok(bits),
    }
}

fn line_bits(numbers: &[u32]) -> Result<uapi::LineSet, ConfigError> {
    if numbers.is_empty() {
        return Err(ConfigError::NoLine);
    }
    let mut lines = uapi::LineSet::default();
    for &number in numbers {
        if number as usize >= uapi::LINES_MAX {
            return Err(ConfigError::Line { number });
        }
        uapi::add_line(&mut lines, number);
    }
    Ok(lines)
}

fn microseconds(time: Duration) -> Result<u32, ConfigError> {
    u32::try_from(time.as_nanos().div_ceil(1000))
        .ok()
        .filter(|us| (1..=uapi::WATERMARK_US_MAX).contains(us))
        .ok_or(ConfigError::WatermarkTime { time })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uapi(config: Config) -> Result<uapi::Config, String> {
        uapi::Config::try_from(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_is_the_drivers() {
        let config = uapi(Config::new()).unwrap();
        assert_eq!(
            config,
            uapi::Config {
                capacity: 4096,
                watermark_events: 1,
                ..Default::default()
            }
        );
    }

    #[test]
    fn every_setting_is_passed_on() {
        let config = Config::new()
            .capacity(65536)
            .overflow(Overflow::DropOldest)
            .clock(Clock::Boottime)
            .sources([Source::Manual, Source::Gpio, Source::Gpio])
            .kinds([Kind::Falling, Kind::Trigger, Kind::Added])
            .lines([0, 63, 64, 1023])
            .watermark_events(65536)
            .watermark_time(Duration::from_secs(3600));
        let mut lines = uapi::LineSet::default();
        (lines[0], lines[1], lines[15]) = (1 << 63 | 1, 1, 1 << 63);
        assert_eq!(
            uapi(config).unwrap(),
            uapi::Config {
                capacity: 65536,
                overflow: uapi::OVERFLOW_DROP_OLDEST,
                clock: uapi::CLOCK_BOOTTIME,
                sources: 1 << uapi::SOURCE_MANUAL | 1 << uapi::SOURCE_GPIO,
                watermark_events: 65536,
                watermark_us: 3_600_000_000,
                flags: 0,
                kinds: 1 << uapi::KIND_TRIGGER | 1 << uapi::KIND_FALLING | 1 << uapi::KIND_ADDED,
                lines,
            }
        );
        let config = uapi(Config::new().clock(Clock::Realtime)).unwrap();
        assert_eq!(config.clock, uapi::CLOCK_REALTIME);
    }

    #[test]
    fn times_are_rounded_up() {
        for (time, us) in [(1, 1), (1000, 1), (1001, 2)] {
            let config = Config::new().watermark_time(Duration::from_nanos(time));
            assert_eq!(uapi(config).unwrap().watermark_us, us);
        }
    }

    #[test]
    fn each_error_says_the_range() {
        let new = Config::new;
        for (config, error) in [
            (
                new().capacity(0),
                "a capacity of 0 events is outside 1 to 65536",
            ),
            (
                new().capacity(65537),
                "a capacity of 65537 events is outside 1 to 65536",
            ),
            (
                new().capacity(8).watermark_events(9),
                "a watermark of 9 events is outside 1 to 8, the capacity",
            ),
            (
                new().watermark_events(0),
                "a watermark of 0 events is outside 1 to 4096, the capacity",
            ),
            (
                new().watermark_time(Duration::ZERO),
                "a watermark of 0ns is outside 1µs to 3600s",
            ),
            (
                new().watermark_time(Duration::from_secs(3601)),
                "a watermark of 3601s is outside 1µs to 3600s",
            ),
            (
                new().sources([]),
                "a queue needs at least one source; omit sources() for all",
            ),
            (
                new().kinds([]),
                "a queue needs at least one kind of event; omit kinds() for all",
            ),
            (
                new().lines([]),
                "a filter by line needs at least one line; use sources() without Gpio for none",
            ),
            (new().lines([1024]), "line 1024 is outside 0 to 1023"),
        ] {
            assert_eq!(uapi(config), Err(error.to_owned()));
        }
    }
}
