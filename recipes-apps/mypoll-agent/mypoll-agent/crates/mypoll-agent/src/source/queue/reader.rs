// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns the records of a queue into updates, with the lines after their events.

use std::collections::{HashMap, VecDeque};

use mypoll::{
    Error, Levels, LineInfo, Queue,
    queue::{Position, Record},
};

use crate::{
    event::{self, Kind, Reading},
    journal::Update,
    lines::{Line, Lines, Settings},
};

/// Records per read, and maximum number of events per update: few enough that a journal of the default size is not
/// overrun before its readers run.
const BATCH: usize = 1024;

/// Maximum number of attempts to read the lines while they keep changing; the last result is used anyway.
const ATTEMPTS: usize = 8;

/// The driver, as the reader uses it.
pub(super) trait Driver {
    /// Takes available records; returns 0 if there are none.
    fn read(&self, records: &mut [Record]) -> Result<usize, Error>;
    fn levels(&self) -> Result<Levels, Error>;
    fn line(&self, number: u32) -> Result<LineInfo, Error>;
}

impl Driver for Queue {
    fn read(&self, records: &mut [Record]) -> Result<usize, Error> {
        self.read(records)
    }

    fn levels(&self) -> Result<Levels, Error> {
        self.levels()
    }

    fn line(&self, number: u32) -> Result<LineInfo, Error> {
        self.line(number)
    }
}

/// The state after the records so far, from the first one on.
pub(super) struct Reader {
    /// Buffer for one read.
    pub(super) buffer: Box<[Record]>,
    position: Position,
    /// Records that are not yet in an update, with their positions.
    records: VecDeque<(u64, Record)>,
    /// Whether the lines may have changed in a way that no record reported.
    stale: bool,
    /// The lines after the updates so far.
    lines: Lines,
}

impl Reader {
    /// For a queue of which nothing was read yet.
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![Record::default(); BATCH].into(),
            position: Position::new(),
            records: VecDeque::new(),
            stale: true,
            lines: Lines::default(),
        }
    }

    /// The position up to which all events are in updates.
    pub(super) fn position(&self) -> u64 {
        match self.records.front() {
            Some((at, record)) => at - 1 - u64::from(record.lost()),
            None => self.position.get(),
        }
    }

    /// Whether [`take`](Self::take) has more to do without further records: events that wait for a description of their lines.
    pub(super) fn is_behind(&self) -> bool {
        self.stale
    }

    /// Makes updates from the first `count` records of the buffer, which were just read, and from more if the lines must be
    /// read. The error is why that failed; the updates then contain all events.
    pub(super) fn take(
        &mut self,
        count: usize,
        driver: &impl Driver,
    ) -> (Vec<Update>, Result<(), Error>) {
        self.accept(count);
        let mut updates = Vec::new();
        let looked = match self.stale {
            true => self.look(driver, &mut updates),
            false => Ok(()),
        };
        if !self.stale || looked.is_err() {
            let rest: Vec<_> = self.records.drain(..).collect();
            self.push(&rest, &mut updates);
        }
        (updates, looked)
    }

    /// Reads the lines, and makes updates up to that moment.
    fn look(&mut self, driver: &impl Driver, updates: &mut Vec<Update>) -> Result<(), Error> {
        let mut attempt = 1;
        let (lines, at) = loop {
            let levels = driver.levels()?;
            let lines = self.describe(&levels, driver)?;
            // At least up to the levels, and up to anything that shows that a description is of a later line.
            while self.read(driver)? == self.buffer.len() {}
            let at = levels.position();
            let later = self.records.iter().filter(|(position, _)| *position > at);
            let later: Vec<_> = later.map(|(_, record)| record).collect();
            // A line that had no number then was not described.
            let settled = !later.iter().any(|record| {
                record.lost() > 0 || is_added(record) && levels.line(record.line()).is_some()
            });
            if settled || attempt == ATTEMPTS {
                self.stale = later.into_iter().any(makes_stale);
                break (lines, at);
            }
            attempt += 1;
        };
        let count = self
            .records
            .partition_point(|(position, _)| *position <= at);
        let records: Vec<_> = self.records.drain(..count).collect();
        self.push_up_to(&records, lines, updates);
        Ok(())
    }

    /// The lines at the moment of `levels`.
    fn describe(&self, levels: &Levels, driver: &impl Driver) -> Result<Vec<Line>, Error> {
        let mut lines = Vec::new();
        for (number, active) in levels.iter() {
            let line = match driver.line(number) {
                Ok(info) => line(info, active),
                // It was removed since then, or is about to be with its chip; its event follows.
                Err(Error::NoLine { .. } | Error::LineInfo(_)) => Line {
                    active: Some(active),
                    ..self.lines.get(number).cloned().unwrap_or(Line {
                        number,
                        label: None,
                        active: None,
                        settings: Settings::default(),
                    })
                },
                Err(error) => return Err(error),
            };
            lines.push(line);
        }
        Ok(lines)
    }

    /// Makes updates of records after which the lines are `lines`.
    fn push_up_to(
        &mut self,
        mut records: &[(u64, Record)],
        lines: Vec<Line>,
        updates: &mut Vec<Update>,
    ) {
        // The driver only describes the last line with a number: this is where that line starts.
        let mut begins = HashMap::new();
        for (at, record) in records.iter().filter(|(_, record)| is_added(record)) {
            begins.insert(record.line(), *at);
        }
        let begins = |(at, record): &(u64, Record)| begins.get(&record.line()) == Some(at);
        while let Some(first) = records.iter().position(begins) {
            let (before, from) = records.split_at(first);
            let count = from.iter().take_while(|record| begins(record)).count();
            let (added, after) = from.split_at(count);
            self.push(before, updates);
            let numbers: Vec<_> = added.iter().map(|(_, record)| record.line()).collect();
            let new = lines.iter().filter(|line| numbers.contains(&line.number));
            self.lines.describe(&new.cloned().collect::<Vec<_>>());
            self.push(added, updates);
            if let Some(update) = updates.last_mut() {
                update.lines = Some(self.lines.iter().cloned().collect());
            }
            records = after;
        }
        self.push(records, updates);
        self.lines = lines.iter().cloned().collect();
        // In a separate update: a line that was removed in the same update would be forgotten.
        updates.push(Update {
            readings: Vec::new(),
            lines: Some(lines),
        });
    }

    /// Makes updates without descriptions of the lines.
    fn push(&mut self, records: &[(u64, Record)], updates: &mut Vec<Update>) {
        for records in records.chunks(BATCH) {
            let readings: Vec<_> = records.iter().map(|(_, record)| reading(record)).collect();
            readings
                .iter()
                .for_each(|reading| self.lines.apply(reading));
            updates.push(Update {
                readings,
                lines: None,
            });
        }
    }

    fn read(&mut self, driver: &impl Driver) -> Result<usize, Error> {
        let count = driver.read(&mut self.buffer)?;
        self.accept(count);
        Ok(count)
    }

    fn accept(&mut self, count: usize) {
        for record in &self.buffer[..count] {
            let at = self.position.advance(record);
            self.stale |= makes_stale(record);
            self.records.push_back((at, *record));
        }
    }
}

/// Whether the lines must be read after this record.
fn makes_stale(record: &Record) -> bool {
    record.lost() > 0 || is_added(record)
}

fn is_added(record: &Record) -> bool {
    record.kind() == Ok(mypoll::Kind::Added)
}

fn reading(record: &Record) -> Reading {
    Reading {
        timestamp_ns: record.timestamp_ns(),
        source: event::Source(
            record
                .source()
                .map_or_else(|number| number, mypoll::Source::number),
        ),
        kind: Kind(
            record
                .kind()
                .map_or_else(|number| number, mypoll::Kind::number),
        ),
        line: record.line(),
        value: record.value(),
        lost: record.lost(),
    }
}

fn line(info: LineInfo, active: bool) -> Line {
    Line {
        number: info.number,
        label: Some(info.label.into()),
        active: Some(active),
        settings: Settings {
            chip: None,
            offset: info.offset,
            active_low: info.active_low,
            rising: info.rising,
            falling: info.falling,
            // The driver's field is a u32.
            debounce_us: info.debounce.unwrap_or_default().as_micros() as u64,
        },
    }
}

#[cfg(test)]
mod tests;
