// SPDX-License-Identifier: MIT OR Apache-2.0
//! The writing end of the journal.

use super::{Journal, ring::Ring};
use crate::{
    clock::{self, WallClock},
    event::{Event, Reading},
    lines::Line,
};

/// What a source has to say at once.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// Events, in order.
    pub readings: Vec<Reading>,
    /// All lines as they are after `readings`, where the source looked. What no event told (a level, a line that
    /// went away) becomes an event of its own behind them.
    pub lines: Option<Vec<Line>>,
}

/// Appends to the journal. Readers end behind the last event when it is dropped.
pub struct Writer {
    journal: Journal,
}

impl Writer {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal }
    }

    /// Appends what a source said.
    pub async fn append(&mut self, update: Update) {
        let clock = WallClock::now();
        let mut state = self.journal.state();
        let state = &mut *state;
        let mut readings = update.readings;
        if let Some(lines) = &update.lines {
            state.lines.describe(lines);
            let mut after = state.lines.clone();
            readings.iter().for_each(|reading| after.apply(reading));
            readings.extend(after.differences(lines, clock::monotonic_ns()));
        }
        for readings in readings.chunks(Ring::MAX_EVENTS) {
            let first = state.ring.next();
            let events = readings.iter().zip(first..).map(|(reading, sequence)| {
                let label = state.lines.label_of(reading);
                state.lines.apply(reading);
                Event {
                    sequence,
                    reading: *reading,
                    time: clock.at(reading.timestamp_ns),
                    label,
                }
            });
            let events = events.collect();
            state.ring.push(events);
        }
        self.journal.0.appended.notify_waiters();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.journal.state().closed = true;
        self.journal.0.ended.cancel();
        self.journal.0.appended.notify_waiters();
    }
}
