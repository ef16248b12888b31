// SPDX-License-Identifier: MIT OR Apache-2.0

//! MYPOLL_GET_LEVELS and MYPOLL_GET_LINE.

use anyhow::{Context, Result};
use mypoll::ioctl;
use mypoll::uapi::{self, Event, Levels, Line, LineSet};

use crate::handle::Handle;

impl Handle {
    /// The driver's description of a line.
    pub(crate) fn line_info(&self, number: u32) -> nix::Result<Line> {
        self.ioctl(
            ioctl::GET_LINE,
            Line {
                number,
                ..Line::default()
            },
        )
    }

    /// The levels of all lines.
    pub(crate) fn levels(&self) -> Result<Levels> {
        self.ioctl(ioctl::GET_LEVELS, Levels::default())
            .context("MYPOLL_GET_LEVELS")
    }
}

/// The label in a line's structure.
pub(crate) fn label(line: &Line) -> &[u8] {
    line.label.split(|byte| *byte == 0).next().unwrap_or(&[])
}

/// The lines of a set.
pub(crate) fn numbers(lines: &LineSet) -> Vec<u32> {
    uapi::line_numbers(lines).collect()
}

/// Counts the positions of the events that a reader takes.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    lost: u64,
    sequence: u64,
}

impl Positions {
    /// The position of the next event that was read.
    pub(crate) fn of(&mut self, event: &Event) -> u64 {
        self.lost += u64::from(event.lost);
        // The sequence number without the wrap at 2^32.
        let step = event.sequence.wrapping_sub(self.sequence as u32);
        self.sequence += u64::from(step);
        self.sequence + self.lost
    }
}
