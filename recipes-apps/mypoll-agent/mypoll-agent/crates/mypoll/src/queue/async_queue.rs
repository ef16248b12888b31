// SPDX-License-Identifier: MIT OR Apache-2.0
//! Batches of events with tokio.

use std::{
    io,
    task::{Context, Poll, ready},
};

use tokio::io::unix::AsyncFd;

use super::{Queue, Record};
use crate::{Error, sys};

/// A queue registered with tokio's reactor; created by [`Queue::into_async`].
///
/// # Examples
///
/// ```no_run
/// use mypoll::{Device, queue::{Config, Record}};
///
/// # async fn run() -> Result<(), mypoll::Error> {
/// let queue = Device::open()?.into_queue(&Config::new())?.into_async()?;
/// let mut records = [Record::default(); 256];
/// loop {
///     let count = queue.read(&mut records).await?;
///     for record in &records[..count] {
///         println!("{record}");
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncQueue(AsyncFd<Queue>);

impl AsyncQueue {
    pub(super) fn new(queue: Queue) -> Result<Self, Error> {
        rustix::io::ioctl_fionbio(&queue, true)
            .map_err(io::Error::from)
            .and_then(|()| sys::register(queue))
            .map(Self)
            .map_err(Error::Register)
    }

    /// Waits for events, takes as many as fit, and returns their number, at least 1. Dropping the future loses no events.
    ///
    /// # Errors
    ///
    /// Same as [`Queue::read`], and [`Error::Register`].
    pub async fn read(&self, records: &mut [Record]) -> Result<usize, Error> {
        std::future::poll_fn(|cx| self.poll_read(cx, records)).await
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        records: &mut [Record],
    ) -> Poll<Result<usize, Error>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx)).map_err(Error::Register)?;
            let count = self.0.get_ref().read(records)?;
            // Events that arrived since then make the file ready again.
            if count < records.len() {
                ready.clear_ready();
            }
            if count > 0 {
                return Poll::Ready(Ok(count));
            }
        }
    }

    /// The queue: for reads that don't wait, for statistics and for levels.
    pub fn get(&self) -> &Queue {
        self.0.get_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mypoll_testing::FakeDriver;
    use tokio::time;

    use super::super::tests::{open, send};
    use super::*;

    #[tokio::test]
    async fn a_read_takes_available_events_and_then_waits() {
        let mut driver = FakeDriver::new();
        let queue = open(&driver).into_async().unwrap();
        let mut records = [Record::default(); 2];
        for sequence in [1, 4] {
            send(&mut driver, &[sequence, sequence + 1]);
            send(&mut driver, &[sequence + 2]);
            assert_eq!(queue.read(&mut records).await.unwrap(), 2);
            assert_eq!(queue.read(&mut records).await.unwrap(), 1);
            assert_eq!(records[0].sequence(), sequence + 2);
            let waited = time::timeout(Duration::ZERO, queue.read(&mut records)).await;
            assert!(waited.is_err(), "{waited:?}");
        }
    }

    #[tokio::test]
    async fn a_non_queue_is_an_error() {
        let mut driver = FakeDriver::new();
        let queue = open(&driver).into_async().unwrap();
        driver.press(1);
        let read = queue.read(&mut [Record::default(); 8]).await;
        assert!(matches!(read, Err(Error::Partial { .. })), "{read:?}");
    }
}
