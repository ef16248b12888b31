// SPDX-License-Identifier: MIT OR Apache-2.0
//! The GPIO lines of the source, with their labels and levels.

mod target;

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

pub use target::Target;

use crate::event::{Kind, Reading, Source};

/// A line, as last described by the source, with the level after the last event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its number.
    #[serde(rename = "line")]
    pub number: u32,
    /// Its label, if it has one.
    pub label: Option<Arc<str>>,
    /// Whether it is active, if known.
    pub active: Option<bool>,
    /// Other settings, as far as the source knows them.
    pub settings: Settings,
}

/// A line's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// The chip, if the source knows it.
    pub chip: Option<Arc<str>>,
    /// The number of the line on its chip.
    pub offset: u32,
    /// Whether it is active-low.
    pub active_low: bool,
    /// Whether becoming active is reported.
    pub rising: bool,
    /// Whether becoming inactive is reported.
    pub falling: bool,
    /// The debounce time in microseconds; 0 if it is not debounced.
    pub debounce_us: u64,
}

/// All lines, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<u32, Line>);

impl FromIterator<Line> for Lines {
    fn from_iter<T: IntoIterator<Item = Line>>(lines: T) -> Self {
        Self(lines.into_iter().map(|line| (line.number, line)).collect())
    }
}

impl Lines {
    /// The lines, in ascending order of numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Line> {
        self.0.values()
    }

    /// The line with this number.
    pub fn get(&self, number: u32) -> Option<&Line> {
        self.0.get(&number)
    }

    /// The label of a reading's line.
    pub fn label_of(&self, reading: &Reading) -> Option<Arc<str>> {
        if reading.source != Source::GPIO {
            return None;
        }
        self.get(reading.line)?.label.clone()
    }

    /// Applies the level of a reading. Removed lines are forgotten.
    pub fn apply(&mut self, reading: &Reading) {
        match reading.level() {
            Some(None) => {
                self.0.remove(&reading.line);
            }
            Some(level) => {
                if let Some(line) = self.0.get_mut(&reading.line) {
                    line.active = level;
                }
            }
            None => {}
        }
    }

    /// Updates labels and settings from the source's current lines; levels stay.
    pub fn describe(&mut self, now: &[Line]) {
        for line in now {
            let active = self.get(line.number).and_then(|line| line.active);
            let line = Line {
                active,
                ..line.clone()
            };
            self.0.insert(line.number, line);
        }
    }

    /// Differences that no event reported: a reading for each line whose level differs, and for each removed line.
    /// Applying them makes these lines equal to `now`.
    pub fn differences(&self, now: &[Line], timestamp_ns: u64) -> Vec<Reading> {
        let reading = |number, kind, value| Reading {
            timestamp_ns,
            source: Source::GPIO,
            kind,
            line: number,
            value,
            lost: 0,
        };
        let known = |number| self.get(number).and_then(|line| line.active);
        let levels = now.iter().filter_map(|line| {
            let active = line.active.filter(|_| line.active != known(line.number))?;
            Some(reading(line.number, Kind::LEVEL, active.into()))
        });
        let gone = self
            .0
            .keys()
            .filter(|number| now.iter().all(|line| line.number != **number))
            .map(|number| reading(*number, Kind::REMOVED, 0));
        levels.chain(gone).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u32, active: bool) -> Line {
        Line {
            number,
            label: Some(format!("line-{number}").into()),
            active: Some(active),
            settings: Settings::default(),
        }
    }

    /// The readings that make the lines equal to `now`.
    fn update(lines: &mut Lines, now: &[Line]) -> Vec<(u32, Kind, u32)> {
        lines.describe(now);
        let differences = lines.differences(now, 7);
        for reading in &differences {
            assert_eq!((reading.source, reading.timestamp_ns), (Source::GPIO, 7));
            lines.apply(reading);
        }
        assert!(lines.iter().eq(now));
        assert!(lines.differences(now, 7).is_empty());
        differences
            .iter()
            .map(|reading| (reading.line, reading.kind, reading.value))
            .collect()
    }

    #[test]
    fn unreported_changes_become_readings() {
        let mut lines = Lines::default();
        let first = update(&mut lines, &[line(0, false), line(3, true)]);
        assert_eq!(first, [(0, Kind::LEVEL, 0), (3, Kind::LEVEL, 1)]);
        let second = update(&mut lines, &[line(3, false), line(9, true)]);
        assert_eq!(
            second,
            [
                (3, Kind::LEVEL, 0),
                (9, Kind::LEVEL, 1),
                (0, Kind::REMOVED, 0)
            ]
        );
        assert!(update(&mut lines, &[line(3, false), line(9, true)]).is_empty());
    }

    #[test]
    fn events_change_levels_and_describing_does_not() {
        let mut lines = Lines::default();
        update(&mut lines, &[line(3, false)]);
        let mut edge = lines.differences(&[line(3, true)], 0)[0];
        edge.kind = Kind::RISING;
        lines.apply(&edge);
        lines.describe(&[line(3, false)]);
        assert_eq!(lines.get(3).unwrap().active, Some(true));
        assert_eq!(lines.label_of(&edge).as_deref(), Some("line-3"));
        edge.source = Source::TIMER;
        assert_eq!(lines.label_of(&edge), None);
    }
}
