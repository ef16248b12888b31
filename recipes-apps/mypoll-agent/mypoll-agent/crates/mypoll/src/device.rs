// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    ops::RangeInclusive,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::Path,
};

use crate::{
    error::Error,
    event::Event,
    info::{Info, LineInfo},
    levels::Levels,
    queue::{Config, Queue},
    sys,
};

/// Valid periods of the driver's timer, in milliseconds.
pub const PERIOD_MS: RangeInclusive<u32> = 1..=3_600_000;

/// Longer than any line of the driver, with room for future keys: a read into a buffer shorter than the line fails.
const LINE_MAX: usize = 512;

/// How to open the device. Default: for reading and writing, blocking.
///
/// # Examples
///
/// ```no_run
/// let device = mypoll::Device::options().read_only().nonblocking().open("/dev/mypoll")?;
/// # Ok::<(), mypoll::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options(OpenOptions);

impl Options {
    /// Opens it only to read events; needs no write permission.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.0.write(false);
        self
    }

    /// Only to give commands; needs no read permission.
    #[must_use]
    pub fn write_only(mut self) -> Self {
        self.0.read(false);
        self
    }

    /// Makes reads non-blocking: [`Device::try_read_event`] returns `None` when the queue is empty.
    #[must_use]
    pub fn nonblocking(mut self) -> Self {
        self.0.custom_flags(libc::O_NONBLOCK);
        self
    }

    /// Opens the device at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the file does not exist, [`Error::Open`] otherwise.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Device, Error> {
        let path = path.as_ref();
        match self.0.open(path) {
            Ok(file) => Ok(Device { file }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::NotFound { path: path.into() })
            }
            Err(source) => Err(Error::Open {
                path: path.into(),
                source,
            }),
        }
    }
}

/// An open `/dev/mypoll`.
#[derive(Debug)]
pub struct Device {
    file: File,
}

impl Device {
    /// The path that udev and devtmpfs create.
    pub const PATH: &str = "/dev/mypoll";

    /// Opens [`Device::PATH`] for reading and writing, blocking.
    ///
    /// # Errors
    ///
    /// Same as [`Options::open`].
    pub fn open() -> Result<Self, Error> {
        Self::options().open(Self::PATH)
    }

    /// Options for opening the device in another way.
    pub fn options() -> Options {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        Options(options)
    }

    /// Takes the next event; waits for one unless the device was opened non-blocking.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] if it was opened non-blocking and the queue is empty, [`Error::Read`], [`Error::EndOfFile`],
    /// [`Error::Line`].
    pub fn read_event(&self) -> Result<Event, Error> {
        let mut buffer = [0; LINE_MAX];
        let length = match (&self.file).read(&mut buffer) {
            Ok(0) => return Err(Error::EndOfFile),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(Error::Empty),
            Err(error) => return Err(Error::Read(error)),
        };
        let line = String::from_utf8_lossy(&buffer[..length]);
        line.parse().map_err(|source| Error::Line {
            line: line.trim_end().to_owned(),
            source,
        })
    }

    /// Like [`Device::read_event`], but returns `None` instead of [`Error::Empty`].
    ///
    /// # Errors
    ///
    /// Same as [`Device::read_event`].
    pub fn try_read_event(&self) -> Result<Option<Event>, Error> {
        match self.read_event() {
            Ok(event) => Ok(Some(event)),
            Err(Error::Empty) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Queues one event of source [`Manual`](crate::Source::Manual).
    ///
    /// # Errors
    ///
    /// [`Error::QueueFull`], [`Error::Command`].
    pub fn trigger(&self) -> Result<(), Error> {
        self.command("trigger")
    }

    /// Starts the timer, or restarts it if it is running, with a period in [`PERIOD_MS`], or with the module parameter
    /// `timer_period_ms`. While it runs, it belongs to the calling user.
    ///
    /// # Errors
    ///
    /// [`Error::Period`], [`Error::TimerOwner`], [`Error::Command`].
    pub fn start(&self, period_ms: Option<u32>) -> Result<(), Error> {
        match period_ms {
            None => self.command("start"),
            Some(period_ms) if PERIOD_MS.contains(&period_ms) => {
                self.command(&format!("start {period_ms}"))
            }
            Some(period_ms) => Err(Error::Period { period_ms }),
        }
    }

    /// Stops the timer; no tick follows after this returns.
    ///
    /// # Errors
    ///
    /// [`Error::TimerOwner`], [`Error::Command`].
    pub fn stop(&self) -> Result<(), Error> {
        self.command("stop")
    }

    /// Resets the counters of [`Sysfs::stats`](crate::Sysfs::stats). Does not change queued events, sequence numbers, the
    /// timer, the counters of lines and the files in `statistics/`.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn reset(&self) -> Result<(), Error> {
        self.command("reset")
    }

    /// The driver's features and GPIO lines.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`], [`Error::Info`].
    pub fn info(&self) -> Result<Info, Error> {
        sys::info(self)
            .map(Info::from)
            .map_err(|source| Error::of_ioctl(source, Error::Info))
    }

    /// The levels of all GPIO lines, and the position of the file's queue to which they apply. That is the shared queue,
    /// unless this file has a private one.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`], [`Error::Levels`].
    pub fn levels(&self) -> Result<Levels, Error> {
        sys::levels(self)
            .map(Levels::from)
            .map_err(|source| Error::of_ioctl(source, Error::Levels))
    }

    /// One GPIO line, with its current level and its counters. `number` is that of its events, 0 to 1023.
    ///
    /// # Errors
    ///
    /// [`Error::NoLine`] if no line has this number, [`Error::Unsupported`], [`Error::LineInfo`].
    pub fn line(&self, number: u32) -> Result<LineInfo, Error> {
        match sys::line(self, number) {
            Ok(line) => Ok(line.into()),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                Err(Error::NoLine { number })
            }
            Err(error) => Err(Error::of_ioctl(error, Error::LineInfo)),
        }
    }

    /// Gives this open file a private queue: from now on it gets every event that matches `config`, regardless of other
    /// readers.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a value is out of range, [`Error::Unsupported`], [`Error::Busy`],
    /// [`Error::TooManyQueues`], [`Error::MemoryLimit`], [`Error::Configure`].
    pub fn into_queue(self, config: &Config) -> Result<Queue, Error> {
        Queue::configure(self, config)
    }

    fn command(&self, command: &str) -> Result<(), Error> {
        // Each write is one command, so the newline must be in the same write.
        (&self.file)
            .write_all(format!("{command}\n").as_bytes())
            .map_err(|error| command_error(command, error))
    }
}

fn command_error(command: &str, source: io::Error) -> Error {
    match source.raw_os_error() {
        Some(libc::ENOBUFS) => Error::QueueFull,
        // Only timer commands fail with EPERM.
        Some(libc::EPERM) => Error::TimerOwner,
        _ => Error::Command {
            command: command.to_owned(),
            source,
        },
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for Device {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use mypoll_testing::FakeDriver;

    use super::*;

    #[test]
    fn events_are_read_until_there_is_none() {
        let mut driver = FakeDriver::new();
        let device = Device::options()
            .read_only()
            .nonblocking()
            .open(driver.device())
            .unwrap();
        assert!(matches!(device.read_event(), Err(Error::Empty)));
        for sequence in 1..=2 {
            driver.press(sequence);
        }
        for sequence in 1..=2 {
            let event = device.try_read_event().unwrap().unwrap();
            assert_eq!(event.sequence, sequence);
        }
        assert_eq!(device.try_read_event().unwrap(), None);
    }

    #[test]
    fn a_blocking_read_waits() {
        let mut driver = FakeDriver::new();
        let device = Device::options().open(driver.device()).unwrap();
        let reader = std::thread::spawn(move || device.read_event());
        let line = driver.press(1);
        assert_eq!(reader.join().unwrap().unwrap().to_string(), line);
    }

    #[test]
    fn invalid_events_are_quoted() {
        let mut driver = FakeDriver::new();
        let device = Device::options().open(driver.device()).unwrap();
        driver.send("hello");
        let error = device.try_read_event().unwrap_err();
        assert_eq!(error.to_string(), "invalid line `hello`");
    }

    #[test]
    fn a_file_that_ends_is_not_a_device() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let device = Device::options().open(file.path()).unwrap();
        assert!(matches!(device.read_event(), Err(Error::EndOfFile)));
    }

    #[test]
    fn a_failed_read_keeps_the_systems_error() {
        let directory = tempfile::tempdir().unwrap();
        let device = Device::options()
            .read_only()
            .open(directory.path())
            .unwrap();
        let Err(Error::Read(error)) = device.read_event() else {
            panic!("a directory was read");
        };
        assert_eq!(error.raw_os_error(), Some(libc::EISDIR));
    }

    #[test]
    fn each_command_is_one_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let device = Device::options().write_only().open(file.path()).unwrap();
        device.trigger().unwrap();
        device.start(None).unwrap();
        device.start(Some(*PERIOD_MS.end())).unwrap();
        device.stop().unwrap();
        device.reset().unwrap();
        assert_eq!(
            fs::read_to_string(file.path()).unwrap(),
            "trigger\nstart\nstart 3600000\nstop\nreset\n"
        );
    }

    #[test]
    fn a_period_out_of_range_is_not_sent() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let device = Device::options().write_only().open(file.path()).unwrap();
        for period_ms in [0, PERIOD_MS.end() + 1] {
            assert_eq!(
                device.start(Some(period_ms)).unwrap_err().to_string(),
                format!("a period of {period_ms} ms is outside 1 to 3600000 ms")
            );
        }
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "");
    }

    #[test]
    fn errors_of_commands_are_distinguished() {
        let full = command_error("trigger", io::Error::from_raw_os_error(libc::ENOBUFS));
        assert!(matches!(full, Error::QueueFull));
        let of_another = command_error("stop", io::Error::from_raw_os_error(libc::EPERM));
        assert!(matches!(of_another, Error::TimerOwner));

        let device = Device::options().write_only().open("/dev/full").unwrap();
        let Err(Error::Command { command, source }) = device.stop() else {
            panic!("/dev/full took a command");
        };
        assert_eq!(
            (command.as_str(), source.raw_os_error()),
            ("stop", Some(libc::ENOSPC))
        );
    }

    #[test]
    fn a_missing_device_and_a_forbidden_one_differ() {
        let directory = tempfile::tempdir().unwrap();
        let missing = Device::options().open(directory.path().join("mypoll"));
        assert!(matches!(missing, Err(Error::NotFound { .. })));
        let unwritable = Device::options().open(directory.path());
        assert!(matches!(unwritable, Err(Error::Open { .. })));
    }
}
