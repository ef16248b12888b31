// SPDX-License-Identifier: MIT OR Apache-2.0
//! Derives events from others, between the source and the journal.
//!
//! The stages do no I/O and are driven from outside. Time stamps of events decide what is derived, so that a late batch
//! gives the same result as a timely one; the clock only decides when it is reported.

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

/// Maximum delay between an event's time stamp and its arrival here, in nanoseconds, without the driver's debouncing.
const SLACK: u64 = 20_000_000;

/// The configured stages, with their state.
#[derive(Default)]
pub struct Stages {
    parts: Vec<Part>,
    chords: Vec<Chord>,
    /// Maximum delay of the last event before a moment, in nanoseconds.
    slack: u64,
    /// When a due result was noticed: earlier events may still arrive.
    noticed: Option<u64>,
}

impl Stages {
    /// Applies `config`: unchanged sections keep their state. Returns the final events of the others.
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

    /// Whether there are no stages.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.chords.is_empty()
    }

    /// Processes events, after which the lines are `lines`; if the source `looked` at them, earlier events may be missing.
    /// Returns derived events.
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
            // A source with an endless backlog leaves no time to wait for it.
            let until = last.reading.timestamp_ns.min(now);
            self.advance(until.saturating_sub(self.slack), &mut out);
        }
        out
    }

    /// When to call [`tick`](Self::tick), unless events arrive first.
    pub fn due(&self) -> Option<u64> {
        match self.noticed {
            Some(noticed) => noticed.checked_add(self.slack),
            None => self.deadline(),
        }
    }

    /// Handles the passing of time without events.
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

    /// Handles the end of events.
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

    /// Handles a possible loss of events.
    fn forget(&mut self, at: u64, out: &mut Vec<Derived>) {
        for part in &mut self.parts {
            part.forget(at, out);
        }
        self.chords.iter_mut().for_each(Chord::forget);
    }

    /// Finds the lines of the sections.
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

    /// Processes an event that implies a level.
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
        // A press that is already part of a gesture cannot be part of a chord.
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
