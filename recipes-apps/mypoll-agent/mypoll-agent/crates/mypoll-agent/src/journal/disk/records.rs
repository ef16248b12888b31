// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads the records of a segment one after another, skipping damaged ones.

use std::io::{self, Read};

use super::format::{self, Decoded, Record};
use crate::event::Event;

/// The records of a segment from an offset on, with a bounded buffer.
pub(crate) struct Records<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The offset of the next record in `buffer`.
    start: usize,
    /// The same offset in the file.
    offset: u64,
    /// Whether `buffer` contains the rest of the file.
    ended: bool,
    /// The offset of the first damaged record.
    damaged: Option<u64>,
}

/// The bytes after the last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing.
    Whole,
    /// A partial record from an interrupted write.
    Torn,
    /// Bytes that are not a record.
    Damaged,
}

/// The next item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// An event, and the source's total of lost events after it.
    Event(Event, u64),
    /// A clean shutdown of the agent.
    End,
    /// The end of the records; the offset is that of the end.
    Tail(Tail),
}

/// Read size in bytes.
const WINDOW: usize = 32 * 1024;

impl<R: Read> Records<R> {
    /// Wraps a reader that is at `offset` of its file.
    pub(crate) fn new(reader: R, offset: u64) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            offset,
            ended: false,
            damaged: None,
        }
    }

    /// The offset of the next record in the file; after [`Item::Tail`], the end of the last record.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The offset of the first damaged record that was skipped.
    pub(crate) fn damaged(&self) -> Option<u64> {
        self.damaged
    }

    /// The next event or end.
    ///
    /// # Errors
    ///
    /// The file is unreadable.
    pub(crate) fn next(&mut self) -> io::Result<Item> {
        loop {
            match self.decode()? {
                Decoded::Record(record, length) => {
                    self.skip(length);
                    match record {
                        Record::Event(event, lost) => return Ok(Item::Event(event, lost)),
                        Record::End => return Ok(Item::End),
                        Record::Other => {}
                    }
                }
                Decoded::Partial(_) if self.rest().is_empty() => {
                    return Ok(Item::Tail(Tail::Whole));
                }
                decoded => {
                    let at = self.offset;
                    if !self.find_event()? {
                        self.offset = at;
                        let tail = match decoded {
                            Decoded::Partial(_) => Tail::Torn,
                            _ => Tail::Damaged,
                        };
                        return Ok(Item::Tail(tail));
                    }
                    self.damaged.get_or_insert(at);
                }
            }
        }
    }

    /// Decodes at the offset; returns a partial record only at the end of the file.
    fn decode(&mut self) -> io::Result<Decoded> {
        loop {
            let decoded = format::decode(self.rest());
            if !matches!(decoded, Decoded::Partial(_)) || !self.fill()? {
                return Ok(decoded);
            }
        }
    }

    /// Skips to the next intact event after damage.
    fn find_event(&mut self) -> io::Result<bool> {
        loop {
            if self.rest().len() <= format::RECORD_HEADER && !self.fill()? {
                return Ok(false);
            }
            self.skip(1);
            if format::may_be_event(self.rest()) && matches!(self.decode()?, Decoded::Record(..)) {
                return Ok(true);
            }
        }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn skip(&mut self, length: usize) {
        self.start += length;
        self.offset += length as u64;
    }

    /// Reads more; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let before = self.buffer.len();
        let outcome = (&mut self.reader)
            .take(WINDOW as u64)
            .read_to_end(&mut self.buffer);
        let read = self.buffer.len() - before;
        // Data read before an error counts; the next call gets the error again.
        match outcome {
            Err(error) if read == 0 => return Err(error),
            outcome => self.ended = outcome.is_ok() && read < WINDOW,
        }
        Ok(read > 0)
    }
}
