// SPDX-License-Identifier: MIT OR Apache-2.0
//! An event, from source to sink.

use std::{borrow::Cow, sync::Arc, time::Duration, time::UNIX_EPOCH};

use mypoll_protocol as protocol;

/// The source of an event: the driver's number, or one of the agent's own, from 0x8000 on.
///
/// Unknown numbers are passed on, so that nothing from a newer driver is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(pub u16);

/// The kind of an event: the driver's number, or one of the agent's own, from 0x8000 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u16);

impl Source {
    /// A trigger written to the driver.
    pub const MANUAL: Self = Self(mypoll::Source::Manual.number());
    /// The driver's timer.
    pub const TIMER: Self = Self(mypoll::Source::Timer.number());
    /// A GPIO line.
    pub const GPIO: Self = Self(mypoll::Source::Gpio.number());

    /// A gesture recognized in the edges of lines.
    pub const GESTURE: Self = Self(0x8000);
    /// The watchdog of a line.
    pub const WATCHDOG: Self = Self(0x8001);

    const NAMES: [(Self, &str); 5] = [
        (Self::MANUAL, "manual"),
        (Self::TIMER, "timer"),
        (Self::GPIO, "gpio"),
        (Self::GESTURE, "gesture"),
        (Self::WATCHDOG, "watchdog"),
    ];

    /// Whether its events belong to lines; other events have line 0 without belonging to it.
    pub fn has_lines(self) -> bool {
        !matches!(self, Self::MANUAL | Self::TIMER)
    }

    /// Whether its events are derived from other events.
    pub fn is_derived(self) -> bool {
        matches!(self, Self::GESTURE | Self::WATCHDOG)
    }

    /// The name in JSON; `source-N` for an unknown number.
    pub fn name(self) -> Cow<'static, str> {
        match Self::NAMES.iter().find(|(source, _)| *source == self) {
            Some((_, name)) => Cow::Borrowed(name),
            None => Cow::Owned(format!("source-{}", self.0)),
        }
    }

    /// The source with this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        from_name(name, &Self::NAMES, "source-", Self)
    }

    /// All known names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(_, name)| *name)
    }
}

impl Kind {
    /// A trigger was written.
    pub const TRIGGER: Self = Self(mypoll::Kind::Trigger.number());
    /// A period of the timer ended.
    pub const TICK: Self = Self(mypoll::Kind::Tick.number());
    /// A line became active.
    pub const RISING: Self = Self(mypoll::Kind::Rising.number());
    /// A line became inactive.
    pub const FALLING: Self = Self(mypoll::Kind::Falling.number());
    /// A line was removed.
    pub const REMOVED: Self = Self(mypoll::Kind::Removed.number());
    /// A line was added.
    pub const ADDED: Self = Self(mypoll::Kind::Added.number());
    /// A line's level, read at startup and after lost edges.
    pub const LEVEL: Self = Self(0x8000);

    /// A line was active once, for a short time.
    pub const CLICK: Self = Self(0x8001);
    /// Two clicks in quick succession.
    pub const DOUBLE_CLICK: Self = Self(0x8002);
    /// Three clicks in quick succession.
    pub const TRIPLE_CLICK: Self = Self(0x8003);
    /// A line has been active for a long time.
    pub const LONG_PRESS: Self = Self(0x8004);
    /// It is still active.
    pub const REPEAT: Self = Self(0x8005);
    /// A long press has ended.
    pub const RELEASE: Self = Self(0x8006);
    /// Several lines became active at about the same time.
    pub const CHORD: Self = Self(0x8007);
    /// A line has had no edge for a long time.
    pub const SILENT: Self = Self(0x8008);
    /// A line has been active for too long.
    pub const ACTIVE_TOO_LONG: Self = Self(0x8009);
    /// A line is no longer silent or active for too long.
    pub const RECOVERED: Self = Self(0x800a);

    const NAMES: [(Self, &str); 17] = [
        (Self::TRIGGER, "trigger"),
        (Self::TICK, "tick"),
        (Self::RISING, "rising"),
        (Self::FALLING, "falling"),
        (Self::REMOVED, "removed"),
        (Self::ADDED, "added"),
        (Self::LEVEL, "level"),
        (Self::CLICK, "click"),
        (Self::DOUBLE_CLICK, "double-click"),
        (Self::TRIPLE_CLICK, "triple-click"),
        (Self::LONG_PRESS, "long-press"),
        (Self::REPEAT, "repeat"),
        (Self::RELEASE, "release"),
        (Self::CHORD, "chord"),
        (Self::SILENT, "silent"),
        (Self::ACTIVE_TOO_LONG, "active-too-long"),
        (Self::RECOVERED, "recovered"),
    ];

    /// The name in JSON; `kind-N` for an unknown number.
    pub fn name(self) -> Cow<'static, str> {
        match Self::NAMES.iter().find(|(kind, _)| *kind == self) {
            Some((_, name)) => Cow::Borrowed(name),
            None => Cow::Owned(format!("kind-{}", self.0)),
        }
    }

    /// The kind with this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        from_name(name, &Self::NAMES, "kind-", Self)
    }

    /// All known names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(_, name)| *name)
    }

    /// The source of events of this kind, if known.
    pub fn source(self) -> Option<Source> {
        Some(match self {
            Self::TRIGGER => Source::MANUAL,
            Self::TICK => Source::TIMER,
            Self::RISING | Self::FALLING | Self::REMOVED | Self::ADDED | Self::LEVEL => {
                Source::GPIO
            }
            Self(number) if (Self::CLICK.0..=Self::CHORD.0).contains(&number) => Source::GESTURE,
            Self(number) if (Self::SILENT.0..=Self::RECOVERED.0).contains(&number) => {
                Source::WATCHDOG
            }
            _ => return None,
        })
    }
}

fn from_name<T: Copy>(
    name: &str,
    known: &[(T, &str)],
    prefix: &str,
    of: fn(u16) -> T,
) -> Option<T> {
    match known.iter().find(|(_, known)| *known == name) {
        Some((value, _)) => Some(*value),
        None => name.strip_prefix(prefix)?.parse().ok().map(of),
    }
}

/// An event from a source, without a number yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// CLOCK_MONOTONIC in nanoseconds.
    pub timestamp_ns: u64,
    /// Its source.
    pub source: Source,
    /// Its kind.
    pub kind: Kind,
    /// The line; 0 if the source has no lines.
    pub line: u32,
    /// The level of the line. docs/gestures.md describes it for gestures and the watchdog, the driver's documentation for
    /// other sources.
    pub value: u32,
    /// Events that the source lost immediately before this one.
    pub lost: u32,
}

impl Reading {
    /// The level of the line after this event, if it implies one; `Some(None)` if the line was removed.
    pub fn level(&self) -> Option<Option<bool>> {
        match (self.source, self.kind) {
            (Source::GPIO, Kind::RISING | Kind::FALLING | Kind::ADDED | Kind::LEVEL) => {
                Some(Some(self.value != 0))
            }
            (Source::GPIO, Kind::REMOVED) => Some(None),
            _ => None,
        }
    }
}

/// Wall-clock time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallTime {
    /// Nanoseconds since 1970-01-01 UTC.
    pub unix_ns: u64,
    /// Whether the kernel's clock is synchronized.
    pub synchronized: bool,
}

impl WallTime {
    /// In RFC 3339, with microseconds.
    pub fn rfc3339(self) -> String {
        humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_nanos(self.unix_ns))
            .to_string()
    }
}

/// An event of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number in the session, from 1 on, without gaps.
    pub sequence: u64,
    /// The event as the source reported it.
    pub reading: Reading,
    /// When it happened by the wall clock.
    pub time: WallTime,
    /// The label of its line at that time.
    pub label: Option<Arc<str>>,
}

impl Event {
    /// How many events the source lost immediately before this one.
    pub(crate) fn lost(&self) -> u64 {
        self.reading.lost.into()
    }

    /// In the clients' format.
    pub fn to_protocol(&self) -> protocol::Event<'_> {
        protocol::Event {
            event: self.sequence,
            source: self.reading.source.name(),
            kind: self.reading.kind.name(),
            line: self.reading.line,
            label: self.label.as_deref().map(Cow::Borrowed),
            value: self.reading.value,
            lost: self.reading.lost,
            time: self.time.rfc3339().into(),
            clock: (!self.time.synchronized).then_some(Cow::Borrowed("unsynchronized")),
            timestamp_ns: self.reading.timestamp_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_map_back_to_their_numbers() {
        for number in 0..=u16::MAX {
            assert_eq!(
                Source::from_name(&Source(number).name()),
                Some(Source(number))
            );
            assert_eq!(Kind::from_name(&Kind(number).name()), Some(Kind(number)));
        }
        for name in ["", "rise", "RISING", "kind-", "kind-65536", "source-1"] {
            assert_eq!(Kind::from_name(name), None, "{name}");
        }
    }
}
