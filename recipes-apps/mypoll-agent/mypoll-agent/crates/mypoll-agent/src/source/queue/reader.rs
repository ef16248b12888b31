// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the records of a queue to updates, whose lines are as the events before them left them.

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

/// How many records are read at a time, and how many events an update has at most: few enough that a journal of the
/// default size is not overrun before its readers had their turn.
const BATCH: usize = 1024;

/// How often the lines are looked at before they are taken as they are, where they keep changing meanwhile.
const ATTEMPTS: usize = 8;

/// What the reader asks of the driver.
pub(super) trait Driver {
    /// Takes records that are there; 0 where there is none.
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

/// What was read of a queue, from its first record on.
pub(super) struct Reader {
    /// Room for what one read takes.
    pub(super) buffer: Box<[Record]>,
    position: Position,
    /// Read and not yet in an update, each with its position.
    records: VecDeque<(u64, Record)>,
    /// Whether there is something of the lines that no record told.
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

    /// The position of the last record.
    pub(super) fn position(&self) -> u64 {
        self.position.get()
    }

    /// Makes updates of the first `count` records of the buffer, which were just read, and of more where the lines
    /// have to be looked at. The error is why that failed; the updates have all events nevertheless.
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
        let rest: Vec<_> = self.records.drain(..).collect();
        self.push(&rest, &mut updates);
        (updates, looked)
    }

    /// Looks at the lines, and makes updates up to that moment.
    fn look(&mut self, driver: &impl Driver, updates: &mut Vec<Update>) -> Result<(), Error> {
        let mut attempt = 1;
        let (lines, at) = loop {
            let levels = driver.levels()?;
            let lines = self.describe(&levels, driver)?;
            // At least up to the levels, and whatever tells that a description is of a later line.
            while self.read(driver)? == self.buffer.len() {}
            let at = levels.position();
            let later = self.records.iter().filter(|(position, _)| *position > at);
            let settled = !later.into_iter().any(|(_, record)| makes_stale(record));
            if settled || attempt == ATTEMPTS {
                self.stale = !settled;
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
                // It went away since then, or is about to with its chip; its event follows.
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
        // The driver describes but the last of the lines that had a number: that begins here.
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
        // By itself: a line that was removed in the same update would be forgotten.
        updates.push(Update {
            readings: Vec::new(),
            lines: Some(lines),
        });
    }

    /// Makes updates that say nothing of the lines but what is in their events.
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

/// Whether the lines have to be looked at after this record.
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
            // Of a u32 in the driver's structure.
            debounce_us: info.debounce.unwrap_or_default().as_micros() as u64,
        },
    }
}

#[cfg(test)]
mod tests;
