// SPDX-License-Identifier: MIT OR Apache-2.0

//! The GPIO character device, version 2 of its interface.

use std::os::fd::{AsFd, OwnedFd};

use anyhow::Result;
use gpiocdev::line::EdgeDetection;
use gpiocdev::request::Request;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::{Interface, missing, u32_at, u64_at};
use crate::chip::{Chip, LINE};

/// `struct gpio_v2_line_event` of <linux/gpio.h>.
pub(crate) enum Chardev {}

impl Chardev {
    /// Requests the line at `offset`, with the largest possible buffer.
    fn request(chip: &Chip, offset: u32) -> Result<OwnedFd> {
        let request = Request::builder()
            .on_chip(&chip.node)
            .with_line(offset)
            .with_edge_detection(EdgeDetection::BothEdges)
            .with_kernel_event_buffer_size(Self::CAPACITY as u32)
            .request()?;
        fcntl(&request, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(request.as_fd().try_clone_to_owned()?)
    }
}

impl Interface for Chardev {
    const NAME: &str = "chardev";
    const RECORD: usize = 48;
    /// 16 for each of the 64 possible lines of a request.
    const CAPACITY: usize = 1024;

    fn open(chip: &Chip) -> Result<OwnedFd> {
        Self::request(chip, LINE)
    }

    /// A line has only one user, so each request is for another line.
    fn open_another(chip: &Chip, index: u32) -> Result<OwnedFd> {
        Self::request(chip, LINE + index)
    }

    fn timestamp_ns(records: &[u8]) -> u64 {
        u64_at(records, 0)
    }

    fn lost(records: &[u8]) -> Option<u64> {
        let last = records.chunks_exact(Self::RECORD).last()?;
        Some(missing(u32_at(last, 16), records.len() / Self::RECORD))
    }
}
