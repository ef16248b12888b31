// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private queues.
//!
//! A plain [`Device`] shares its events with all other readers. [`Device::into_queue`] turns it into a [`Queue`], which
//! gets every event that matches its [`Config`], regardless of other readers. The events are 32-byte [`Record`]s: many
//! per system call ([`Queue::read`], or a queue's iterator), without a system call ([`Ring`]), or with tokio
//! (`AsyncQueue` and `RecordStream`, with the feature `tokio`).
//!
//! A full queue loses events and reports exactly how many: [`Record::lost`] those just before a record,
//! [`Stats::lost`] all of them. [`Queue::levels`] then returns the current levels of the lines.
//!
//! # Examples
//!
//! ```no_run
//! use mypoll::{Device, queue::Config};
//!
//! # fn main() -> Result<(), mypoll::Error> {
//! let queue = Device::open()?.into_queue(&Config::new().capacity(1024))?;
//! for record in queue {
//!     println!("{}", record?);
//! }
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "tokio")]
mod async_queue;
mod config;
mod position;
mod record;
mod records;
mod ring;
#[cfg(feature = "tokio")]
mod stream;

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

#[cfg(feature = "tokio")]
pub use async_queue::AsyncQueue;
pub use config::{CAPACITY, Clock, Config, ConfigError, Overflow, WATERMARK_TIME};
pub use position::Position;
pub use record::Record;
pub use records::Records;
pub use ring::{Drain, Ring};
#[cfg(feature = "tokio")]
pub use stream::RecordStream;

use crate::{Device, Error, Info, Levels, LineInfo, sys, uapi};

/// An open `/dev/mypoll` with a private queue.
///
/// Its watermark determines when it is readable for select, poll and epoll; `EPOLLPRI` means that events were lost
/// since the last read.
#[derive(Debug)]
pub struct Queue {
    device: Device,
}

impl Queue {
    pub(crate) fn configure(device: Device, config: &Config) -> Result<Self, Error> {
        let queue = Self { device };
        queue.reconfigure(config)?;
        Ok(queue)
    }

    /// Changes the queue's configuration. Waiting events keep their order and time stamps, regardless of the new filter
    /// and clock; the new [`Overflow`] decides which are lost if they exceed the new capacity.
    ///
    /// # Errors
    ///
    /// Same as [`Device::into_queue`]; nothing changes then.
    pub fn reconfigure(&self, config: &Config) -> Result<(), Error> {
        let config = uapi::Config::try_from(config)?;
        sys::configure(self, config).map_err(configure_error)
    }

    /// Takes as many waiting events as fit, and returns their number.
    ///
    /// Returns 0 if the queue is empty and the device was opened non-blocking; otherwise sleeps until the watermark is
    /// reached.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], with `ErrorKind::Interrupted` if a signal ended the wait; [`Error::EndOfFile`] and
    /// [`Error::Partial`] if the file is not a mypoll queue. A failure loses no event.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use mypoll::{Device, queue::{Config, Record}};
    ///
    /// # fn main() -> Result<(), mypoll::Error> {
    /// let queue = Device::open()?.into_queue(&Config::new())?;
    /// let mut records = [Record::default(); 64];
    /// loop {
    ///     let count = queue.read(&mut records)?;
    ///     for record in &records[..count] {
    ///         println!("{record}");
    ///     }
    /// }
    /// # }
    /// ```
    pub fn read(&self, records: &mut [Record]) -> Result<usize, Error> {
        if records.is_empty() {
            return Ok(0);
        }
        match sys::read(self, records) {
            Ok(0) => Err(Error::EndOfFile),
            Ok(length) if length % size_of::<Record>() != 0 => Err(Error::Partial { length }),
            Ok(length) => Ok(length / size_of::<Record>()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(Error::Read(error)),
        }
    }

    /// The queue's statistics since the device was turned into it.
    ///
    /// # Errors
    ///
    /// [`Error::Stats`].
    pub fn stats(&self) -> Result<Stats, Error> {
        sys::stats(self).map(Stats::from).map_err(Error::Stats)
    }

    /// Like [`Device::info`].
    ///
    /// # Errors
    ///
    /// Same as [`Device::info`].
    pub fn info(&self) -> Result<Info, Error> {
        self.device.info()
    }

    /// Like [`Device::levels`], with this queue's position.
    ///
    /// # Errors
    ///
    /// Same as [`Device::levels`].
    pub fn levels(&self) -> Result<Levels, Error> {
        self.device.levels()
    }

    /// Like [`Device::line`].
    ///
    /// # Errors
    ///
    /// Same as [`Device::line`].
    pub fn line(&self, number: u32) -> Result<LineInfo, Error> {
        self.device.line(number)
    }

    /// The device, for its commands. [`Device::read_event`] fails on it, because the queue returns records.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Maps the queue's ring, to take events without a system call. The queue must drop the newest events, and its device
    /// must have been opened for reading and writing. It can no longer be reconfigured.
    ///
    /// # Errors
    ///
    /// [`Error::Map`], [`Error::Ring`].
    pub fn map(self) -> Result<Ring, Error> {
        Ring::map(self)
    }

    /// Registers the queue with tokio's reactor, to read many events at a time. Makes the file non-blocking.
    ///
    /// # Errors
    ///
    /// [`Error::Register`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O enabled.
    #[cfg(feature = "tokio")]
    pub fn into_async(self) -> Result<AsyncQueue, Error> {
        AsyncQueue::new(self)
    }

    /// Like [`Queue::into_async`], but returns one event at a time.
    ///
    /// # Errors
    ///
    /// Same as [`Queue::into_async`].
    ///
    /// # Panics
    ///
    /// Same as [`Queue::into_async`].
    #[cfg(feature = "tokio")]
    pub fn into_stream(self) -> Result<RecordStream, Error> {
        RecordStream::new(self)
    }
}

fn configure_error(source: io::Error) -> Error {
    match source.raw_os_error() {
        Some(libc::EBUSY) => Error::Busy,
        Some(libc::EUSERS) => Error::TooManyQueues,
        Some(libc::EPERM) => Error::MemoryLimit,
        _ => Error::of_ioctl(source, Error::Configure),
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl AsRawFd for Queue {
    fn as_raw_fd(&self) -> RawFd {
        self.device.as_raw_fd()
    }
}

/// Statistics of a queue. `generated` is `read + lost + depth`, unless a program stored an impossible `head` in the
/// mapped ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events that matched the filter.
    pub generated: u64,
    /// Events that were read, or taken from the mapped ring.
    pub read: u64,
    /// Events that were lost.
    pub lost: u64,
    /// Events in the queue.
    pub depth: u32,
    /// The maximum of `depth` so far.
    pub high_water: u32,
    /// The queue's capacity.
    pub capacity: u32,
}

impl From<uapi::Stats> for Stats {
    fn from(stats: uapi::Stats) -> Self {
        Self {
            generated: stats.generated,
            read: stats.read,
            lost: stats.lost,
            depth: stats.depth,
            high_water: stats.high_water,
            capacity: stats.capacity,
        }
    }
}

#[cfg(test)]
mod tests {
    use mypoll_testing::FakeDriver;

    use super::*;

    pub(super) fn open(driver: &FakeDriver) -> Queue {
        let device = Device::options()
            .nonblocking()
            .open(driver.device())
            .unwrap();
        Queue { device }
    }

    /// Queues records with these sequence numbers, which one read takes.
    pub(super) fn send(driver: &mut FakeDriver, sequences: &[u32]) {
        let bytes: Vec<u8> = sequences
            .iter()
            .flat_map(|&sequence| {
                let mut bytes = [0; size_of::<Record>()];
                bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
                bytes
            })
            .collect();
        driver.send_bytes(&bytes);
    }

    #[test]
    fn one_read_takes_many() {
        let mut driver = FakeDriver::new();
        let queue = open(&driver);
        let mut records = [Record::default(); 8];
        assert_eq!(queue.read(&mut records).unwrap(), 0);
        send(&mut driver, &[1, 2, 3]);
        assert_eq!(queue.read(&mut []).unwrap(), 0);
        assert_eq!(queue.read(&mut records).unwrap(), 3);
        assert_eq!(records.map(|record| record.sequence())[..4], [1, 2, 3, 0]);
        assert_eq!(queue.read(&mut records).unwrap(), 0);
    }

    #[test]
    fn non_queues_are_reported() {
        let mut driver = FakeDriver::new();
        let queue = open(&driver);
        driver.press(1);
        let mut records = [Record::default(); 8];
        let error = queue.read(&mut records).unwrap_err().to_string();
        assert!(error.contains("not whole records"), "{error}");

        let file = tempfile::NamedTempFile::new().unwrap();
        let device = Device::options().open(file.path()).unwrap();
        let queue = Queue { device };
        assert!(matches!(queue.read(&mut records), Err(Error::EndOfFile)));
        let error = queue.stats().unwrap_err();
        assert!(matches!(error, Error::Stats(_)), "{error}");
    }

    #[test]
    fn another_file_has_no_queues() {
        let driver = FakeDriver::new();
        let device = || Device::options().open(driver.device()).unwrap();
        let configured = device().into_queue(&Config::new());
        assert!(matches!(configured, Err(Error::Unsupported)));
        assert!(matches!(device().info(), Err(Error::Unsupported)));
        assert!(matches!(device().line(0), Err(Error::Unsupported)));
        assert!(matches!(device().levels(), Err(Error::Unsupported)));
    }

    #[test]
    fn limits_say_what_to_do() {
        let error = |errno| configure_error(io::Error::from_raw_os_error(errno)).to_string();
        let users = error(libc::EUSERS);
        assert!(users.contains("a higher queues_max"), "{users}");
        let memory = error(libc::EPERM);
        assert!(memory.contains("raise RLIMIT_MEMLOCK"), "{memory}");
        let other = configure_error(io::Error::from_raw_os_error(libc::ENOMEM));
        assert!(matches!(other, Error::Configure(_)), "{other}");
    }

    #[test]
    fn a_value_out_of_range_is_not_sent() {
        let driver = FakeDriver::new();
        let device = Device::options().open(driver.device()).unwrap();
        let error = device.into_queue(&Config::new().capacity(0)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a capacity of 0 events is outside 1 to 65536"
        );
    }
}
