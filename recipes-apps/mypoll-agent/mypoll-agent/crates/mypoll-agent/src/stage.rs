// SPDX-License-Identifier: MIT OR Apache-2.0
//! Between the source and the journal: events that follow from others.
//!
//! All here is driven from outside and does no I/O. The time stamps of events decide what is derived, so that a batch
//! that comes late gives the same as one that comes at once; the clock only decides when that is reported.

pub mod chord;
mod config;
pub mod gesture;
mod machine;
mod part;
#[cfg(test)]
mod tests;
pub mod watchdog;

use crate::{
    config::Config,
    event::{Event, Kind, Reading, Source},
    journal::Derived,
    lines::Lines,
    status::Status,
};
use chord::Chord;
use machine::Found;
use part::{Part, Section};

/// How long an event may take from its time stamp to here, in nanoseconds; with the driver's debouncing so much longer.
const SLACK: u64 = 20_000_000;

/// What is configured, with its state.
#[derive(Default)]
pub struct Stages {
    parts: Vec<Part>,
    chords: Vec<Chord>,
    /// How long after a moment its last event may come, in nanoseconds.
    slack: u64,
    /// When it was noticed that something is due: what happened until then may still come.
    noticed: Option<u64>,
}

impl Stages {
    /// Takes what `config` has: sections that are the same as before keep their state. The result is what ends with the
    /// others.
    ///
    /// `now` is CLOCK_MONOTONIC in nanoseconds, here and below.
    pub fn change(
        &mut self,
        config: &Config,
        status: &Status,
        lines: &Lines,
        now: u64,
    ) -> Vec<Derived> {
        let mut old = std::mem::take(&mut self.parts);
        let gestures = config.gesture.iter().cloned().map(Section::Gesture);
        let watchdogs = config.watchdog.iter().cloned().map(Section::Watchdog);
        for section in gestures.chain(watchdogs) {
            let same = old.iter().position(|part| part.section == section);
            self.parts.push(match same {
                Some(index) => old.swap_remove(index),
                None => Part::new(section, status),
            });
        }
        let mut out = Vec::new();
        old.iter_mut().for_each(|part| part.end(now, &mut out));
        let mut old = std::mem::take(&mut self.chords);
        for section in &config.chord {
            let same = old.iter().position(|chord| chord.section == *section);
            self.chords.push(match same {
                Some(index) => old.swap_remove(index),
                None => Chord::new(section.clone(), status),
            });
        }
        self.bind(lines, now, &mut out);
        out
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.chords.is_empty()
    }

    /// Takes events, after which the lines are `lines`; where the source `looked` at them, events before that may be
    /// missing. The result is what follows from them.
    pub fn take(
        &mut self,
        events: &[Event],
        looked: bool,
        lines: &Lines,
        now: u64,
    ) -> Vec<Derived> {
        let mut out = Vec::new();
        if looked {
            self.forget(now, &mut out);
            self.bind(lines, now, &mut out);
        }
        let mut removed = false;
        for Event { reading, .. } in events {
            if reading.lost > 0 {
                self.forget(reading.timestamp_ns, &mut out);
            }
            if let Some(level) = reading.level() {
                self.line(reading, level, &mut out);
                removed |= level.is_none();
            }
        }
        if removed {
            self.bind(lines, now, &mut out);
        }
        if let Some(last) = events.last() {
            // A source that always has more than can be taken leaves no time to wait for it.
            let until = last.reading.timestamp_ns.min(now);
            self.advance(until.saturating_sub(self.slack), &mut out);
        }
        out
    }

    /// When [`tick`](Self::tick) is to be called, unless events come first.
    pub fn due(&self) -> Option<u64> {
        match self.noticed {
            Some(noticed) => noticed.checked_add(self.slack),
            None => self.deadline(),
        }
    }

    /// The time has come: what follows from nothing happening.
    pub fn tick(&mut self, now: u64) -> Vec<Derived> {
        let mut out = Vec::new();
        match self.noticed {
            Some(noticed) if noticed.saturating_add(self.slack) <= now => {
                self.noticed = None;
                self.advance(noticed, &mut out);
            }
            None if self.deadline().is_some_and(|deadline| deadline <= now) => {
                self.noticed = Some(now);
            }
            _ => {}
        }
        out
    }

    /// There are no more events.
    pub fn end(&mut self, now: u64) -> Vec<Derived> {
        let mut out = Vec::new();
        self.parts
            .iter_mut()
            .for_each(|part| part.end(now, &mut out));
        out
    }

    fn deadline(&self) -> Option<u64> {
        self.parts.iter().filter_map(Part::deadline).min()
    }

    fn advance(&mut self, to: u64, out: &mut Vec<Derived>) {
        self.parts.iter_mut().for_each(|part| part.advance(to, out));
    }

    /// Something may have happened that no event told.
    fn forget(&mut self, at: u64, out: &mut Vec<Derived>) {
        for part in &mut self.parts {
            part.forget(at, out);
        }
        self.chords.iter_mut().for_each(Chord::forget);
    }

    /// Finds the lines that the sections are about.
    fn bind(&mut self, lines: &Lines, now: u64, out: &mut Vec<Derived>) {
        let mut taken = Vec::new();
        for part in &mut self.parts {
            part.bind(lines, &mut taken, now, out);
        }
        for chord in &mut self.chords {
            chord.bind(lines, &self.parts);
        }
        let bound = lines.iter().filter(|line| {
            let mut parts = self.parts.iter();
            parts.any(|part| part.is_of(line.number))
        });
        let debounce = bound.map(|line| line.settings.debounce_us).max();
        self.slack = SLACK.saturating_add(debounce.unwrap_or(0).saturating_mul(1000));
    }

    /// Takes an event that says something of a level.
    fn line(&mut self, reading: &Reading, level: Option<bool>, out: &mut Vec<Derived>) {
        let (number, at) = (reading.line, reading.timestamp_ns);
        let edge = level.filter(|_| matches!(reading.kind, Kind::RISING | Kind::FALLING));
        for part in self.parts.iter_mut().filter(|part| part.is_of(number)) {
            match edge {
                Some(active) => part.edge(active, at, out),
                None => part.level(level, at, out),
            }
        }
        for index in 0..self.chords.len() {
            let Some(active) = edge else {
                self.chords[index].level(number, level);
                continue;
            };
            if let Some(at) = self.chords[index].edge(number, active, at) {
                self.play(index, at, out);
            }
        }
    }

    /// The lines of a chord became active together.
    fn play(&mut self, index: usize, at: u64, out: &mut Vec<Derived>) {
        let numbers: Vec<u32> = self.chords[index].numbers().collect();
        let parts = self.parts.iter_mut();
        let mut parts: Vec<_> = parts
            .filter(|part| part.is_in(self.chords[index].numbers()))
            .collect();
        // A press that is something else already is in no chord.
        if !parts.iter().all(|part| part.is_fresh()) {
            return;
        }
        parts.iter_mut().for_each(|part| part.use_up(out));
        for chord in &mut self.chords {
            chord.use_up(&numbers);
        }
        if let Some(line) = self.chords[index].first() {
            let value = u32::try_from(index).unwrap_or(u32::MAX);
            let found = Found {
                kind: Kind::CHORD,
                value,
                at,
            };
            out.push(found.of(line, Source::GESTURE));
        }
    }
}
