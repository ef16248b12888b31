// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts how often lines became active.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    event::{Event, Kind, Source},
    lines::Line,
};

/// The number of pulses that the rate is computed from.
const STAMPS: usize = 8;

/// A line: by its label, which is stable when numbers change, or by its number if it has no label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Label(Arc<str>),
    Line(u32),
}

#[derive(Clone, Debug, Default)]
struct Count {
    total: u64,
    /// CLOCK_MONOTONIC of the last pulses, in nanoseconds.
    stamps: VecDeque<u64>,
}

/// The pulses of all lines: how often each became active.
#[derive(Clone, Debug, Default)]
pub struct Pulses(BTreeMap<Name, Count>);

/// The pulses of a line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tally {
    /// Their number.
    pub pulses: u64,
    /// The rate per second of the last 8; falls while none arrive, and starts at 0.
    pub rate: f64,
}

/// A saved total.
#[derive(Serialize, Deserialize)]
pub(crate) struct Saved {
    #[serde(flatten)]
    name: Name,
    pulses: u64,
}

impl Pulses {
    /// Counts an event if it is a pulse.
    pub fn count(&mut self, event: &Event) {
        let reading = &event.reading;
        if (reading.source, reading.kind) != (Source::GPIO, Kind::RISING) {
            return;
        }
        let name = match &event.label {
            Some(label) => Name::Label(Arc::clone(label)),
            None => Name::Line(reading.line),
        };
        let count = self.0.entry(name).or_default();
        count.total += 1;
        if count.stamps.len() == STAMPS {
            count.stamps.pop_front();
        }
        count.stamps.push_back(reading.timestamp_ns);
    }

    /// Adds the earlier totals of `others`.
    pub fn add(&mut self, others: &Self) {
        for (name, other) in &others.0 {
            self.0.entry(name.clone()).or_default().total += other.total;
        }
    }

    /// The pulses of a line at `now`, CLOCK_MONOTONIC in nanoseconds.
    pub fn of(&self, line: &Line, now: u64) -> Tally {
        let name = match &line.label {
            Some(label) => Name::Label(Arc::clone(label)),
            None => Name::Line(line.number),
        };
        match self.0.get(&name) {
            Some(count) => Tally {
                pulses: count.total,
                rate: count.rate(now),
            },
            None => Tally {
                pulses: 0,
                rate: 0.0,
            },
        }
    }

    /// The total of all lines.
    pub fn total(&self) -> u64 {
        self.0.values().map(|count| count.total).sum()
    }

    /// In the saved format.
    pub(crate) fn to_saved(&self) -> Vec<Saved> {
        let saved = |(name, count): (&Name, &Count)| Saved {
            name: name.clone(),
            pulses: count.total,
        };
        self.0.iter().map(saved).collect()
    }

    /// From the saved format.
    pub(crate) fn from_saved(saved: Vec<Saved>) -> Self {
        let count = |Saved { name, pulses }| {
            let stamps = VecDeque::new();
            let total = pulses;
            (name, Count { total, stamps })
        };
        Self(saved.into_iter().map(count).collect())
    }
}

impl Count {
    fn rate(&self, now: u64) -> f64 {
        let (Some(first), Some(last)) = (self.stamps.front(), self.stamps.back()) else {
            return 0.0;
        };
        let intervals = self.stamps.len() - 1;
        if intervals == 0 {
            return 0.0;
        }
        let seconds = |from: u64, to: u64| to.saturating_sub(from).max(1) as f64 / 1e9;
        // Assumes a pulse right now, which lowers the rate once the last pulse is overdue.
        let so_far = (intervals + 1) as f64 / seconds(*first, now);
        let rate = (intervals as f64 / seconds(*first, *last)).min(so_far);
        // A millionth is one in twelve days.
        (rate * 1e6).round() / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Reading, WallTime},
        lines::Settings,
    };

    fn event(kind: Kind, line: u32, label: Option<&str>, seconds: f64) -> Event {
        Event {
            sequence: 1,
            reading: Reading {
                timestamp_ns: (seconds * 1e9) as u64,
                source: kind.source().unwrap(),
                kind,
                line,
                value: 1,
                lost: 0,
            },
            time: WallTime {
                unix_ns: 0,
                synchronized: true,
            },
            label: label.map(Into::into),
        }
    }

    fn line(number: u32, label: Option<&str>) -> Line {
        Line {
            number,
            label: label.map(Into::into),
            active: None,
            settings: Settings::default(),
        }
    }

    #[test]
    fn rising_edges_are_counted_by_label_or_number() {
        let mut pulses = Pulses::default();
        for (kind, number, label) in [
            (Kind::RISING, 0, Some("meter")),
            (Kind::FALLING, 0, Some("meter")),
            (Kind::LEVEL, 0, Some("meter")),
            (Kind::CLICK, 0, Some("meter")),
            (Kind::TICK, 0, None),
            (Kind::RISING, 3, None),
            // The same line after it was removed and added again.
            (Kind::RISING, 7, Some("meter")),
        ] {
            pulses.count(&event(kind, number, label, 0.0));
        }
        let of = |pulses: &Pulses, number, label| pulses.of(&line(number, label), 0).pulses;
        let all = |pulses: &Pulses| {
            [
                of(pulses, 7, Some("meter")),
                of(pulses, 3, None),
                of(pulses, 7, None),
            ]
        };
        assert_eq!(all(&pulses), [2, 1, 0]);
        let text = serde_json::to_string(&pulses.to_saved()).unwrap();
        assert_eq!(
            text,
            r#"[{"label":"meter","pulses":2},{"line":3,"pulses":1}]"#
        );
        let mut again = Pulses::from_saved(serde_json::from_str(&text).unwrap());
        again.add(&pulses);
        assert_eq!((all(&again), again.total()), ([4, 2, 0], 6));
    }

    #[test]
    fn the_rate_is_that_of_the_last_pulses_and_falls() {
        let mut pulses = Pulses::default();
        let rate =
            |pulses: &Pulses, seconds: f64| pulses.of(&line(0, None), (seconds * 1e9) as u64).rate;
        assert_eq!(rate(&pulses, 0.0), 0.0);
        pulses.count(&event(Kind::RISING, 0, None, 10.0));
        assert_eq!(rate(&pulses, 10.0), 0.0);
        // One in five seconds.
        pulses.count(&event(Kind::RISING, 0, None, 15.0));
        assert_eq!(rate(&pulses, 15.0), 0.2);
        assert_eq!(rate(&pulses, 20.0), 0.2);
        assert_eq!(rate(&pulses, 30.0), 0.1);
        // Four per second: after eight of them, earlier ones do not count.
        for index in 0..8 {
            pulses.count(&event(
                Kind::RISING,
                0,
                None,
                100.0 + f64::from(index) / 4.0,
            ));
        }
        assert_eq!(rate(&pulses, 101.75), 4.0);
        assert_eq!(rate(&pulses, 1e6), 0.000008);
    }

    #[test]
    fn impossible_times_are_harmless() {
        let mut pulses = Pulses::default();
        for seconds in [f64::MAX, 0.0, f64::MAX] {
            pulses.count(&event(Kind::RISING, 0, None, seconds));
            assert!(pulses.of(&line(0, None), 5).rate.is_finite());
        }
    }
}
