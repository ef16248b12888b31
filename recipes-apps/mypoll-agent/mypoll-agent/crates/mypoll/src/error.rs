// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong with the device file.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{device::PERIOD_MS, event::ParseEventError, queue::ConfigError};

/// Why the device did not do what was asked.
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
        /// What the system says.
        source: io::Error,
    },
    /// No event waits, and the device was opened non-blocking.
    #[error("no event waits")]
    Empty,
    /// Reading failed; `ErrorKind::Interrupted` when a signal ended the wait.
    #[error("cannot read an event")]
    Read(#[source] io::Error),
    /// The file ended, which the device never does: it is something else.
    #[error("end of file in place of an event; this is not a mypoll device")]
    EndOfFile,
    /// The line that was read is not an event.
    #[error("cannot understand the line `{line}`")]
    Line {
        /// What was read.
        line: String,
        /// What is wrong with it.
        source: ParseEventError,
    },
    /// A trigger found the driver's queue full; nothing was queued or counted.
    #[error("the queue is full, the trigger was not queued; read some events first")]
    QueueFull,
    /// The timer doesn't take this period.
    #[error("a period of {period_ms} ms is outside {} to {} ms", PERIOD_MS.start(), PERIOD_MS.end())]
    Period {
        /// The period that was asked for.
        period_ms: u32,
    },
    /// Another user started the timer.
    #[error(
        "another user started the timer; that user has to stop it, or a process with CAP_SYS_ADMIN"
    )]
    TimerOwner,
    /// Another failure of a command.
    #[error("the command `{command}` failed")]
    Command {
        /// What was written.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// A configuration has a value out of its range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file doesn't know the ioctl.
    #[error("the file does not know this ioctl; it is not a mypoll device, or its driver is older")]
    Unsupported,
    /// The queue can't be configured now.
    #[error(
        "the queue can't be configured: its ring was mapped, or the file asks for SIGIO (O_ASYNC), which has to come after"
    )]
    Busy,
    /// There are as many private queues as the driver allows.
    #[error(
        "the driver has no private queue left; close one, or load the module with a higher queues_max"
    )]
    TooManyQueues,
    /// The queues of this user would need more memory than its limit allows.
    #[error(
        "the queue would exceed the memory that the user may lock; use a smaller capacity, or raise RLIMIT_MEMLOCK \
         (ulimit -l)"
    )]
    MemoryLimit,
    /// Configuring failed in another way.
    #[error("cannot configure the queue (MYPOLL_CONFIGURE)")]
    Configure(#[source] io::Error),
    /// The queue does not give its statistics.
    #[error("cannot get the queue's statistics (MYPOLL_GET_STATS)")]
    Stats(#[source] io::Error),
    /// The driver does not describe itself.
    #[error("cannot get the driver's description (MYPOLL_GET_INFO)")]
    Info(#[source] io::Error),
    /// There is no GPIO line with this number.
    #[error("there is no GPIO line {number}")]
    NoLine {
        /// The number that was asked for.
        number: u32,
    },
    /// The driver does not describe a line.
    #[error("cannot get the description of a GPIO line (MYPOLL_GET_LINE)")]
    LineInfo(#[source] io::Error),
    /// The driver does not give the levels of its lines.
    #[error("cannot get the levels of the GPIO lines (MYPOLL_GET_LEVELS)")]
    Levels(#[source] io::Error),
    /// A read of a queue gave something else than whole records.
    #[error("a read gave {length} bytes, which are not whole records; this is not a mypoll queue")]
    Partial {
        /// How many bytes there were.
        length: usize,
    },
    /// The ring can't be mapped.
    #[error("cannot map the ring; only a queue that drops the newest events has one")]
    Map(#[source] io::Error),
    /// The mapped memory is not a ring.
    #[error("a ring of {slots} slots for {capacity} events can't be; this is not a mypoll queue")]
    Ring {
        /// How many slots it says it has.
        slots: u64,
        /// How many events it says it holds.
        capacity: u32,
    },
    /// The file can't be waited for asynchronously.
    #[cfg(feature = "tokio")]
    #[error("cannot wait for the queue in tokio's reactor")]
    Register(#[source] io::Error),
}

impl Error {
    /// The failure of an ioctl: `other`, unless the file doesn't know the number.
    pub(crate) fn of_ioctl(source: io::Error, other: impl FnOnce(io::Error) -> Self) -> Self {
        match source.raw_os_error() {
            Some(libc::ENOTTY) => Self::Unsupported,
            _ => other(source),
        }
    }
}
