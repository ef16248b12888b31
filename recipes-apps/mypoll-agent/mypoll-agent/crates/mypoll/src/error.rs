// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors of the device file.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{device::PERIOD_MS, event::ParseEventError, queue::ConfigError};

/// An error of the device file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file.
    #[error("{} does not exist; is the module loaded (modprobe mypoll)?", path.display())]
    NotFound {
        /// The device file.
        path: PathBuf,
    },
    /// The file can't be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The device file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The queue is empty, and the device was opened non-blocking.
    #[error("the queue is empty")]
    Empty,
    /// Reading failed; `ErrorKind::Interrupted` if a signal ended the wait.
    #[error("cannot read an event")]
    Read(#[source] io::Error),
    /// End of file, which the device never returns: the file is not a mypoll device.
    #[error("unexpected end of file; this is not a mypoll device")]
    EndOfFile,
    /// The line that was read is not a valid event.
    #[error("invalid line `{line}`")]
    Line {
        /// The line.
        line: String,
        /// Why it is invalid.
        source: ParseEventError,
    },
    /// The driver's queue was full at a trigger; nothing was queued or counted.
    #[error("the queue is full, the trigger was not queued; read some events first")]
    QueueFull,
    /// The timer does not accept this period.
    #[error("a period of {period_ms} ms is outside {} to {} ms", PERIOD_MS.start(), PERIOD_MS.end())]
    Period {
        /// The requested period.
        period_ms: u32,
    },
    /// Another user started the timer.
    #[error("another user started the timer; only that user or CAP_SYS_ADMIN can stop it")]
    TimerOwner,
    /// A command failed for another reason.
    #[error("the command `{command}` failed")]
    Command {
        /// The command.
        command: String,
        /// The system's error.
        source: io::Error,
    },
    /// A configuration value is out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file does not support the ioctl.
    #[error("unknown ioctl; the file is not a mypoll device, or its driver is too old")]
    Unsupported,
    /// The queue cannot be configured any more.
    #[error("cannot configure the queue: its ring is mapped, or O_ASYNC was set first")]
    Busy,
    /// The driver's limit for private queues is reached.
    #[error("too many private queues; close one, or load the module with a higher queues_max")]
    TooManyQueues,
    /// The user's queues would exceed the limit for locked memory.
    #[error(
        "the queue would exceed the user's limit for locked memory; use a smaller capacity, or raise RLIMIT_MEMLOCK \
         (ulimit -l)"
    )]
    MemoryLimit,
    /// Configuring failed for another reason.
    #[error("cannot configure the queue (MYPOLL_CONFIGURE)")]
    Configure(#[source] io::Error),
    /// The queue's statistics are unavailable.
    #[error("cannot get the queue's statistics (MYPOLL_GET_STATS)")]
    Stats(#[source] io::Error),
    /// The driver's description is unavailable.
    #[error("cannot get the driver's description (MYPOLL_GET_INFO)")]
    Info(#[source] io::Error),
    /// No GPIO line has this number.
    #[error("no GPIO line {number}")]
    NoLine {
        /// The requested number.
        number: u32,
    },
    /// The description of a line is unavailable.
    #[error("cannot get the description of a GPIO line (MYPOLL_GET_LINE)")]
    LineInfo(#[source] io::Error),
    /// The levels of the lines are unavailable.
    #[error("cannot get the levels of the GPIO lines (MYPOLL_GET_LEVELS)")]
    Levels(#[source] io::Error),
    /// A read returned something other than whole records.
    #[error("a read returned {length} bytes, not whole records; this is not a mypoll queue")]
    Partial {
        /// The number of bytes.
        length: usize,
    },
    /// Mapping the ring failed.
    #[error("cannot map the ring; only a queue that drops the newest events has one")]
    Map(#[source] io::Error),
    /// The mapped memory is not a valid ring.
    #[error("invalid ring of {slots} slots for {capacity} events; this is not a mypoll queue")]
    Ring {
        /// The number of slots in its header.
        slots: u64,
        /// The capacity in its header.
        capacity: u32,
    },
    /// Registering the file with tokio's reactor failed.
    #[cfg(feature = "tokio")]
    #[error("cannot register the queue with tokio's reactor")]
    Register(#[source] io::Error),
}

impl Error {
    /// The error for a failed ioctl: `other`, unless the file does not support the ioctl.
    pub(crate) fn of_ioctl(source: io::Error, other: impl FnOnce(io::Error) -> Self) -> Self {
        match source.raw_os_error() {
            Some(libc::ENOTTY) => Self::Unsupported,
            _ => other(source),
        }
    }
}
