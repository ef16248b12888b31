// SPDX-License-Identifier: MIT OR Apache-2.0

//! The floor: tests/bench/floor/mypoll-floor.c.

use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Result;

use super::{Interface, missing, open_nonblocking, u32_at, u64_at};
use crate::binding::Driver;
use crate::chip::Chip;

/// `struct floor_record` of the module.
pub(crate) enum Floor {}

impl Floor {
    /// The driver of the line.
    pub(crate) const DRIVER: Driver = Driver {
        name: "mypoll-floor",
        device: "bench-floor",
    };
}

impl Interface for Floor {
    const NAME: &str = "floor";
    const RECORD: usize = 32;
    const CAPACITY: usize = 4096;

    fn open(_: &Chip) -> Result<OwnedFd> {
        Ok(open_nonblocking(Path::new("/dev/mypoll-floor"))?.into())
    }

    fn timestamp_ns(records: &[u8]) -> u64 {
        u64_at(records, 0)
    }

    fn lost(records: &[u8]) -> Option<u64> {
        let last = records.chunks_exact(Self::RECORD).last()?;
        Some(missing(u32_at(last, 8), records.len() / Self::RECORD))
    }
}
