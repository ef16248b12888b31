// SPDX-License-Identifier: MIT OR Apache-2.0
//! A stream of events with tokio.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use super::{AsyncQueue, Queue, Record, records::Batch};
use crate::Error;

/// The events of a queue as an endless stream; created by [`Queue::into_stream`].
///
/// # Examples
///
/// ```no_run
/// use mypoll::{Device, queue::Config};
/// use tokio_stream::StreamExt as _;
///
/// # async fn run() -> Result<(), mypoll::Error> {
/// let mut records = Device::open()?.into_queue(&Config::new())?.into_stream()?;
/// while let Some(record) = records.next().await {
///     println!("{}", record?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RecordStream {
    queue: AsyncQueue,
    batch: Batch,
}

impl RecordStream {
    pub(super) fn new(queue: Queue) -> Result<Self, Error> {
        let queue = AsyncQueue::new(queue)?;
        Ok(Self {
            queue,
            batch: Batch::empty(),
        })
    }

    /// The queue, for statistics. Up to 64 events that count as read may still be in the stream.
    pub fn queue(&self) -> &Queue {
        self.queue.get()
    }
}

impl Stream for RecordStream {
    type Item = Result<Record, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { queue, batch } = &mut *self;
        loop {
            if let Some(record) = batch.take() {
                return Poll::Ready(Some(Ok(record)));
            }
            ready!(batch.poll_fill(queue, cx))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use mypoll_testing::FakeDriver;
    use tokio_stream::StreamExt as _;

    use super::super::tests::{open, send};
    use super::*;

    #[tokio::test]
    async fn events_come_as_they_happen() {
        let mut driver = FakeDriver::new();
        let mut records = open(&driver).into_stream().unwrap();
        for sequence in [1, 3, 5] {
            send(&mut driver, &[sequence, sequence + 1]);
            for sequence in [sequence, sequence + 1] {
                let record = records.next().await.unwrap().unwrap();
                assert_eq!(record.sequence(), sequence);
            }
            // Now it has to wait for the file again.
            assert!(
                futures_core::Stream::poll_next(
                    Pin::new(&mut records),
                    &mut Context::from_waker(std::task::Waker::noop())
                )
                .is_pending()
            );
        }
    }

    #[tokio::test]
    async fn a_blocking_file_does_not_block_the_reactor() {
        let driver = FakeDriver::new();
        let device = crate::Device::options().open(driver.device()).unwrap();
        let mut records = Queue { device }.into_stream().unwrap();
        let waited = tokio::time::timeout(std::time::Duration::ZERO, records.next()).await;
        assert!(waited.is_err(), "{waited:?}");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_waited_for_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let device = crate::Device::options().open(file.path()).unwrap();
        let error = Queue { device }.into_stream().unwrap_err();
        assert!(matches!(error, Error::Register(_)), "{error}");
    }
}
