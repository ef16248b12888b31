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
    lines::{Line, Settings},
};

/// How many records are read at a time, and how many events an update has at most, but where a line came: few enough
/// that the journal's smallest ring is not overrun before its readers had their turn.
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
    /// How each line was described last.
    known: HashMap<u32, Line>,
}

impl Reader {
    /// For a queue of which nothing was read yet.
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![Record::default(); BATCH].into(),
            position: Position::new(),
            records: VecDeque::new(),
            stale: true,
            known: HashMap::new(),
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
        push_without_lines(&rest, &mut updates);
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
        self.known = lines
            .iter()
            .map(|line| (line.number, line.clone()))
            .collect();
        let count = self
            .records
            .partition_point(|(position, _)| *position <= at);
        let records: Vec<_> = self.records.drain(..count).collect();
        push_with_lines(&records, lines, updates);
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
                    ..self.known.get(&number).cloned().unwrap_or(Line {
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
    record.lost() > 0 || reading(record).kind == Kind::ADDED
}

fn push_without_lines(records: &[(u64, Record)], updates: &mut Vec<Update>) {
    for records in records.chunks(BATCH) {
        updates.push(Update {
            readings: readings(records),
            lines: None,
        });
    }
}

/// The labels in `lines` are those of the last line of each number. So events before it came go in updates of their
/// own.
fn push_with_lines(records: &[(u64, Record)], lines: Vec<Line>, updates: &mut Vec<Update>) {
    let mut last_added = HashMap::new();
    for (index, (_, record)) in records.iter().enumerate() {
        if reading(record).kind == Kind::ADDED {
            last_added.insert(record.line(), index);
        }
    }
    let whole_batches = records.len() - records.len() % BATCH;
    let split = last_added.into_values().min().unwrap_or(whole_batches);
    push_without_lines(&records[..split], updates);
    updates.push(Update {
        readings: readings(&records[split..]),
        lines: Some(lines),
    });
}

fn readings(records: &[(u64, Record)]) -> Vec<Reading> {
    records.iter().map(|(_, record)| reading(record)).collect()
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
