// SPDX-License-Identifier: MIT OR Apache-2.0

//! The time to close a file.

use anyhow::{Context, Result};
use nix::unistd;

use super::percentiles;
use crate::chip::Chip;
use crate::clock::{now_ns, settle};
use crate::interface::Interface;

/// Number of files, closed one after the other.
const FILES: usize = 200;

/// Names of the figures of [`close`].
pub(super) const NAMES: [&str; 2] = ["close_p50_ns", "close_max_ns"];

/// Measures close(2) of a file's only descriptor: median and longest.
pub(super) fn close<I: Interface>(chip: &Chip) -> Result<[f64; 2]> {
    let took_ns = (0..FILES)
        .map(|_| {
            let fd = I::open(chip)?;
            settle();
            let started_ns = now_ns();
            unistd::close(fd).context("close")?;
            Ok(now_ns() - started_ns)
        })
        .collect::<Result<Vec<_>>>()?;
    let max = took_ns.iter().copied().max().unwrap_or_default();
    let [median, _] = percentiles(took_ns);
    Ok([median, max as f64])
}
