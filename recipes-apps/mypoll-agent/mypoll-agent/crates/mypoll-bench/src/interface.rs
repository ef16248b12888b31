// SPDX-License-Identifier: MIT OR Apache-2.0

//! The compared interfaces.

mod chardev;
mod floor;
mod gpio_keys;
mod mypoll;

use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc::O_NONBLOCK;
use nix::unistd;

use crate::chip::Chip;

pub(crate) use chardev::Chardev;
pub(crate) use floor::Floor;
pub(crate) use gpio_keys::GpioKeys;
pub(crate) use mypoll::Mypoll;

/// Number of records per read.
const READ: usize = 64;

/// A way to read the edges of a line.
pub(crate) trait Interface {
    /// Its name in the figures.
    const NAME: &str;
    /// The size of a record in bytes, a multiple of 8.
    const RECORD: usize;
    /// Number of records per edge.
    const RECORDS_PER_EDGE: usize = 1;
    /// Number of edges that it queues.
    const CAPACITY: usize;

    /// Opens it non-blocking, with room for [`CAPACITY`](Self::CAPACITY) edges.
    fn open(chip: &Chip) -> Result<OwnedFd>;

    /// Opens another one, the `index`-th, while others are open.
    fn open_another(chip: &Chip, _index: u32) -> Result<OwnedFd> {
        Self::open(chip)
    }

    /// The time stamp of the first record in nanoseconds of CLOCK_MONOTONIC.
    fn timestamp_ns(records: &[u8]) -> u64;

    /// Whether a record reports an edge.
    fn is_edge(_record: &[u8]) -> bool {
        true
    }

    /// Number of edges lost before and between these records, the first ones of an open file, as
    /// reported by the records; `None` if they don't report it.
    fn lost(records: &[u8]) -> Option<u64>;
}

/// Reads records of an interface.
pub(crate) struct Reader {
    fd: OwnedFd,
    buffer: Vec<u8>,
}

impl Reader {
    /// Opens `I`.
    pub(crate) fn open<I: Interface>(chip: &Chip) -> Result<Self> {
        let fd = I::open(chip).with_context(|| format!("opening {}", I::NAME))?;
        Ok(Self {
            fd,
            buffer: vec![0; READ * I::RECORD],
        })
    }

    /// One read(2) of up to 64 records; `None` if there are none.
    #[inline(always)]
    pub(crate) fn read(&mut self) -> Result<Option<&[u8]>> {
        match unistd::read(&self.fd, &mut self.buffer) {
            Ok(count) => Ok(Some(&self.buffer[..count])),
            Err(Errno::EAGAIN) => Ok(None),
            Err(error) => Err(error).context("read"),
        }
    }
}

impl AsFd for Reader {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Opens a device node non-blocking.
fn open_nonblocking(node: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(node)
        .with_context(|| format!("opening {}", node.display()))
}

/// The number at byte `at` of a record.
fn u32_at(record: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(record[at..at + 4].try_into().expect("four bytes"))
}

/// The number at byte `at` of a record.
fn u64_at(record: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(record[at..at + 8].try_into().expect("eight bytes"))
}

/// Number of lost edges if records count all edges: `sequence` is the number of the last one.
fn missing(sequence: u32, records: usize) -> u64 {
    u64::from(sequence) - records as u64
}
