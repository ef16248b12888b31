// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[watchdog]]`: reports a line that has no edge for too long, or is active for too long.

use std::time::Duration;

use serde::Deserialize;

use super::{
    config::{ms, ns},
    machine::{Found, Machine},
};
use crate::{
    event::Kind,
    lines::Target,
    section::{table::Table, value},
};

/// `[[watchdog]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Config {
    /// The line.
    pub line: Target,
    /// How long it may have no edge, above 0, at most 365 days. Default: no limit.
    pub silent: Option<Duration>,
    /// How long it may be active, above 0, at most 365 days. Default: no limit.
    pub active: Option<Duration>,
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[[watchdog]]`";

    fn fits(&self, earlier: &[Self]) -> Result<(), String> {
        match earlier.iter().position(|other| other.line == self.line) {
            Some(index) => Err(format!(
                "watchdog[{index}] already uses {}, expected one section per line",
                self.line
            )),
            None => Ok(()),
        }
    }
}

/// `[[watchdog]]` as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(default, deserialize_with = "value::line_number")]
    line: Option<u32>,
    #[serde(default, deserialize_with = "value::line_label")]
    label: Option<String>,
    #[serde(default, deserialize_with = "value::optional_duration_above_zero")]
    silent: Option<Duration>,
    #[serde(default, deserialize_with = "value::optional_duration_above_zero")]
    active: Option<Duration>,
}

impl TryFrom<Keys> for Config {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        if keys.silent.is_none() && keys.active.is_none() {
            return Err("neither `silent` nor `active` is given, expected one of them or both");
        }
        Ok(Self {
            line: Target::new(keys.line, keys.label)?,
            silent: keys.silent,
            active: keys.active,
        })
    }
}

/// The state of one line. All times are in nanoseconds.
pub(super) struct Watchdog {
    silent: Clock,
    active: Clock,
    /// Since when a limit is exceeded.
    alarm: Option<u64>,
}

/// A time limit.
struct Clock {
    limit: Option<u64>,
    since: Option<u64>,
    /// Whether its excess was reported.
    over: bool,
}

impl Clock {
    fn new(limit: Option<Duration>) -> Self {
        Self {
            limit: limit.map(ns),
            since: None,
            over: false,
        }
    }

    /// When it expires, unless that was reported already.
    fn deadline(&self) -> Option<u64> {
        let end = self.since?.checked_add(self.limit?)?;
        (!self.over).then_some(end)
    }

    fn stop(&mut self) {
        (self.since, self.over) = (None, false);
    }

    /// Starts over, without counting as recovered.
    fn restart(&mut self, at: u64) {
        self.since = self.since.map(|_| at);
    }
}

impl Watchdog {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            silent: Clock::new(config.silent),
            active: Clock::new(config.active),
            alarm: None,
        }
    }

    fn recover(&mut self, at: u64, out: &mut Vec<Found>) {
        if self.silent.over || self.active.over {
            return;
        }
        if let Some(since) = self.alarm.take() {
            out.push(Found {
                kind: Kind::RECOVERED,
                value: ms(at.saturating_sub(since)),
                at,
            });
        }
    }
}

impl Machine for Watchdog {
    fn edge(&mut self, active: bool, at: u64, out: &mut Vec<Found>) {
        self.silent.stop();
        self.silent.since = Some(at);
        if active {
            self.active.since.get_or_insert(at);
        } else {
            self.active.stop();
        }
        self.recover(at, out);
    }

    fn level(&mut self, active: Option<bool>, at: u64, out: &mut Vec<Found>) {
        match active {
            // A removed line does not count as recovered.
            None => (self.silent.since, self.active.since) = (None, None),
            Some(active) => {
                self.silent.since.get_or_insert(at);
                if active {
                    self.active.since.get_or_insert(at);
                } else {
                    self.active.stop();
                }
                self.recover(at, out);
            }
        }
    }

    fn forget(&mut self, at: u64, _out: &mut Vec<Found>) {
        self.silent.restart(at);
        self.active.restart(at);
    }

    fn deadline(&self) -> Option<u64> {
        let silent = self.silent.deadline();
        let active = self.active.deadline();
        silent.into_iter().chain(active).min()
    }

    fn fire(&mut self, _now: u64, out: &mut Vec<Found>) {
        let Some(at) = self.deadline() else {
            return;
        };
        let (clock, kind) = if self.silent.deadline() == Some(at) {
            (&mut self.silent, Kind::SILENT)
        } else {
            (&mut self.active, Kind::ACTIVE_TOO_LONG)
        };
        clock.over = true;
        let value = ms(clock.limit.unwrap_or_default());
        self.alarm.get_or_insert(at);
        out.push(Found { kind, value, at });
    }

    fn end(&mut self, _at: u64, _out: &mut Vec<Found>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn watchdog(silent: Option<u64>, active: Option<u64>) -> Watchdog {
        Watchdog::new(&Config {
            line: Target::Number(0),
            silent: silent.map(Duration::from_secs),
            active: active.map(Duration::from_secs),
        })
    }

    /// An event of a line, at a second.
    enum Step {
        Edge(bool),
        Level(Option<bool>),
        Forget,
        Nothing,
    }
    use Step::{Edge, Forget, Level, Nothing};

    /// The derived kinds with seconds and values in seconds.
    fn run(mut watchdog: Watchdog, steps: &[(u64, Step)]) -> Vec<(Kind, u64, u32)> {
        let mut out = Vec::new();
        for (at, step) in steps {
            let at = at * S;
            watchdog.advance(at, &mut out);
            match step {
                Edge(active) => watchdog.edge(*active, at, &mut out),
                Level(level) => watchdog.level(*level, at, &mut out),
                Forget => watchdog.forget(at, &mut out),
                Nothing => {}
            }
        }
        out.iter()
            .map(|found| (found.kind, found.at / S, found.value / 1000))
            .collect()
    }

    #[test]
    fn silence_is_reported_once_and_ends_with_an_edge() {
        let steps = [
            (1, Level(Some(false))),
            (10, Nothing),
            (11, Nothing),
            (99, Edge(true)),
            (108, Edge(false)),
            (200, Nothing),
        ];
        assert_eq!(
            run(watchdog(Some(10), None), &steps),
            [
                (Kind::SILENT, 11, 10),
                (Kind::RECOVERED, 99, 88),
                (Kind::SILENT, 118, 10),
            ]
        );
    }

    #[test]
    fn a_line_that_is_active_for_too_long_is_reported_once() {
        let steps = [
            (1, Level(Some(true))),
            (5, Edge(false)),
            (6, Edge(true)),
            // A bounce.
            (7, Edge(true)),
            (90, Edge(false)),
            (99, Nothing),
        ];
        assert_eq!(
            run(watchdog(None, Some(10)), &steps),
            [(Kind::ACTIVE_TOO_LONG, 16, 10), (Kind::RECOVERED, 90, 74)]
        );
    }

    #[test]
    fn a_line_recovers_when_no_limit_is_exceeded() {
        let steps = [
            (0, Edge(true)),
            (50, Nothing),
            // A level, which is not an edge.
            (60, Level(Some(false))),
            (70, Edge(true)),
        ];
        assert_eq!(
            run(watchdog(Some(20), Some(10)), &steps),
            [
                (Kind::ACTIVE_TOO_LONG, 10, 10),
                (Kind::SILENT, 20, 20),
                (Kind::RECOVERED, 70, 60),
            ]
        );
    }

    #[test]
    fn a_loss_counts_as_an_edge_but_not_as_a_recovery() {
        let steps = [
            (0, Edge(true)),
            (8, Forget),
            (17, Nothing),
            (18, Nothing),
            (19, Forget),
            (99, Edge(false)),
        ];
        assert_eq!(
            run(watchdog(Some(10), None), &steps),
            [(Kind::SILENT, 18, 10), (Kind::RECOVERED, 99, 81)]
        );
    }

    #[test]
    fn a_missing_line_is_not_watched() {
        let steps = [
            (0, Edge(true)),
            (5, Level(None)),
            (50, Level(Some(true))),
            (59, Nothing),
            (60, Nothing),
            // It is removed after a report, and has not recovered when it returns.
            (61, Level(None)),
            (62, Level(Some(true))),
            (70, Edge(false)),
        ];
        assert_eq!(
            run(watchdog(Some(10), None), &steps),
            [(Kind::SILENT, 60, 10), (Kind::RECOVERED, 70, 10)]
        );
    }
}
