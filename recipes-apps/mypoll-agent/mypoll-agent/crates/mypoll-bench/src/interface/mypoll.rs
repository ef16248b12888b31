// SPDX-License-Identifier: MIT OR Apache-2.0

//! A private queue of mypoll, with default settings.

use std::os::fd::{AsFd, OwnedFd};

use anyhow::Result;
use mypoll::Device;
use mypoll::queue::{Config, Queue, Record};

use super::{Interface, u32_at, u64_at};
use crate::binding::Driver;
use crate::chip::{Chip, LINE};

/// `struct mypoll_event` of mypoll.h.
pub(crate) enum Mypoll {}

impl Mypoll {
    /// The driver of the line.
    pub(crate) const DRIVER: Driver = Driver {
        name: "mypoll",
        device: "events",
    };

    /// Opens the device with a private queue.
    pub(crate) fn queue() -> Result<Queue> {
        let device = Device::options().nonblocking().open(Device::PATH)?;
        Ok(device.into_queue(&Config::new())?)
    }

    /// The same, but the queue gets no events of the toggled line.
    pub(crate) fn queue_of_other_line() -> Result<Queue> {
        let device = Device::options().nonblocking().open(Device::PATH)?;
        Ok(device.into_queue(&Config::new().lines([LINE + 1]))?)
    }
}

impl Interface for Mypoll {
    const NAME: &str = "mypoll";
    const RECORD: usize = size_of::<Record>();
    const CAPACITY: usize = 4096;

    fn open(_: &Chip) -> Result<OwnedFd> {
        Ok(Self::queue()?.as_fd().try_clone_to_owned()?)
    }

    fn timestamp_ns(records: &[u8]) -> u64 {
        u64_at(records, 0)
    }

    fn lost(records: &[u8]) -> Option<u64> {
        let lost = |record| u64::from(u32_at(record, 12));
        Some(records.chunks_exact(Self::RECORD).map(lost).sum())
    }
}
