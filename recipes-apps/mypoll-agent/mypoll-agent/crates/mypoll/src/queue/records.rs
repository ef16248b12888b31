// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events one by one, read in batches.

#[cfg(feature = "tokio")]
use std::task::{Context, Poll, ready};

use super::{Queue, Record};
use crate::Error;

/// Maximum number of events per read: 2 KiB.
const BATCH: usize = 64;

/// Records that were read but not yet returned.
#[derive(Debug)]
pub(super) struct Batch {
    records: [Record; BATCH],
    next: usize,
    end: usize,
}

impl Batch {
    pub(super) fn empty() -> Self {
        Self {
            records: [Record::default(); BATCH],
            next: 0,
            end: 0,
        }
    }

    /// The next record.
    pub(super) fn take(&mut self) -> Option<Record> {
        let record = self.records[..self.end].get(self.next).copied();
        self.next += usize::from(record.is_some());
        record
    }

    /// Reads more if all were returned; returns how many.
    pub(super) fn fill(&mut self, queue: &Queue) -> Result<usize, Error> {
        (self.next, self.end) = (0, 0);
        self.end = queue.read(&mut self.records)?;
        Ok(self.end)
    }

    /// Like [`Batch::fill`], but waits for events.
    #[cfg(feature = "tokio")]
    pub(super) fn poll_fill(
        &mut self,
        queue: &super::AsyncQueue,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        (self.next, self.end) = (0, 0);
        self.end = ready!(queue.poll_read(cx, &mut self.records))?;
        Poll::Ready(Ok(()))
    }
}

/// The events of a queue, one by one; created by its `into_iter`.
///
/// Ends only if the device was opened non-blocking and the queue is empty; later calls may return events again. It
/// continues after an error; [`Error::Read`] with `ErrorKind::Interrupted` is harmless.
#[derive(Debug)]
pub struct Records {
    queue: Queue,
    batch: Batch,
}

impl Records {
    /// The queue, for statistics and for waiting. Up to 64 events that count as read may still be in the iterator.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }
}

impl Iterator for Records {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(record) = self.batch.take() {
            return Some(Ok(record));
        }
        match self.batch.fill(&self.queue) {
            Ok(_) => self.batch.take().map(Ok),
            Err(error) => Some(Err(error)),
        }
    }
}

impl IntoIterator for Queue {
    type Item = Result<Record, Error>;
    type IntoIter = Records;

    fn into_iter(self) -> Records {
        Records {
            queue: self,
            batch: Batch::empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use mypoll_testing::FakeDriver;

    use super::super::tests::{open, send};
    use super::*;

    #[test]
    fn events_come_one_by_one_until_there_is_none() {
        let mut driver = FakeDriver::new();
        let mut records = open(&driver).into_iter();
        assert!(records.next().is_none());
        send(&mut driver, &[1, 2]);
        send(&mut driver, &[3]);
        for sequence in 1..=3 {
            assert_eq!(records.next().unwrap().unwrap().sequence(), sequence);
        }
        assert!(records.next().is_none());
        send(&mut driver, &[4]);
        assert_eq!(records.next().unwrap().unwrap().sequence(), 4);
    }

    #[test]
    fn a_failed_read_repeats_no_event() {
        let mut driver = FakeDriver::new();
        let mut records = open(&driver).into_iter();
        send(&mut driver, &[1]);
        driver.send("hello");
        send(&mut driver, &[2]);
        assert_eq!(records.next().unwrap().unwrap().sequence(), 1);
        assert!(matches!(
            records.next(),
            Some(Err(Error::Partial { length: 6 }))
        ));
        assert_eq!(records.next().unwrap().unwrap().sequence(), 2);
    }
}
