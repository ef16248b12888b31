// SPDX-License-Identifier: MIT OR Apache-2.0
//! The journal's writer.

use std::sync::Arc;

use super::{
    Journal, State,
    chunk::{Chunk, Text},
    disk,
};
use crate::{
    clock::{self, WallClock},
    event::{Event, Reading},
    lines::{Line, Lines},
};

/// An update from a source.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// Events, in order.
    pub readings: Vec<Reading>,
    /// All lines after `readings`, if the source read them. Differences that no event reported (a level, a removed line)
    /// become additional events after them.
    pub lines: Option<Vec<Line>>,
}

/// An update whose events are numbered but not yet written.
#[derive(Debug, Default)]
pub struct Numbered {
    /// In order.
    pub events: Vec<Event>,
    /// All lines after the events, if the source read them.
    pub lines: Option<Vec<Line>>,
}

/// An event derived from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// The event.
    pub reading: Reading,
    /// The label of its line.
    pub label: Option<Arc<str>>,
}

/// Appends to the journal. Dropping it ends readers after the last event.
pub struct Writer {
    journal: Journal,
    /// The lines after the last event; readers see them together with that event.
    lines: Lines,
    clock: WallClock,
    next: u64,
    lost: u64,
    disk: Option<disk::Handle>,
}

impl Writer {
    pub(super) fn new(journal: Journal, disk: Option<disk::Handle>) -> Self {
        let (next, lost) = {
            let state = journal.state();
            (state.ring.next(), state.ring.lost())
        };
        Self {
            journal,
            lines: Lines::default(),
            clock: WallClock::now(),
            next,
            lost,
            disk,
        }
    }

    /// Appends an update. Readers get it once it is written, if the journal is on disk.
    pub async fn append(&mut self, update: Update) {
        let numbered = self.number(update);
        self.write(numbered).await;
    }

    /// Numbers the events of an update. They must be written before another update is numbered.
    pub fn number(&mut self, update: Update) -> Numbered {
        let Update { readings, lines } = update;
        if let Some(lines) = &lines {
            self.lines.describe(lines);
        }
        let mut events = self.events(readings);
        if let Some(lines) = &lines {
            let unseen = self.lines.differences(lines, clock::monotonic_ns());
            events.extend(self.events(unseen));
        }
        Numbered { events, lines }
    }

    /// Adds derived events after those of `numbered`.
    pub fn derive(&mut self, numbered: &mut Numbered, derived: Vec<Derived>) {
        let clock = self.clock.refresh();
        for Derived { reading, label } in derived {
            numbered.events.push(Event {
                sequence: self.next,
                reading,
                time: clock.at(reading.timestamp_ns),
                label,
            });
            self.next += 1;
        }
    }

    /// Appends events. Readers get them once they are written, if the journal is on disk.
    pub async fn write(&mut self, numbered: Numbered) {
        let Numbered { mut events, lines } = numbered;
        let mut described = lines.as_deref();
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(Chunk::MAX_EVENTS));
            self.push(events, described.take()).await;
            events = rest;
            if !events.is_empty() {
                // One long update must not overrun a reader that keeps up.
                tokio::task::yield_now().await;
            }
        }
        if let Some(lines) = described {
            self.journal.state().lines.describe(lines);
        }
    }

    /// The lines after the last numbered event.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Records a clean shutdown, if the journal is on disk. Readers end after the last event.
    pub async fn close(mut self) {
        self.journal.close();
        if let Some(disk) = self.disk.take() {
            // It also resolves if the thread has exited.
            let _ = disk.end().await;
        }
    }

    fn events(&mut self, readings: Vec<Reading>) -> Vec<Event> {
        let clock = self.clock.refresh();
        let number = |reading: Reading| {
            let label = self.lines.label_of(&reading);
            self.lines.apply(&reading);
            let sequence = self.next;
            self.next += 1;
            Event {
                sequence,
                reading,
                time: clock.at(reading.timestamp_ns),
                label,
            }
        };
        readings.into_iter().map(number).collect()
    }

    /// Writes events and shows them to readers, together with the lines that the source described.
    async fn push(&mut self, events: Vec<Event>, described: Option<&[Line]>) {
        let lost_before = self.lost;
        let written = self
            .disk
            .as_ref()
            .map(|disk| disk.write(&events, lost_before));
        let text = Text::of(events);
        let era = match written {
            Some(written) => written.await.ok(),
            None => None,
        };
        let mut state = self.journal.state();
        let era = era.unwrap_or_else(|| Arc::clone(&state.era));
        let chunk = Arc::new(text.into_chunk(era, lost_before));
        self.lost = chunk.lost_after();
        if let Some(lines) = described {
            state.lines.describe(lines);
        }
        let State { lines, pulses, .. } = &mut *state;
        for event in chunk.events() {
            lines.apply(&event.reading);
            if let Some(pulses) = pulses {
                pulses.count(event);
            }
        }
        state.push(chunk);
        drop(state);
        self.journal.0.appended.notify_waiters();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.journal.close();
        if let Some(disk) = self.disk.take() {
            // `drop` cannot wait for it.
            drop(disk.end());
        }
    }
}
