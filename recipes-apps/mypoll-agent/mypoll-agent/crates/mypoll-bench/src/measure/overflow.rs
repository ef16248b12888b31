// SPDX-License-Identifier: MIT OR Apache-2.0

//! More edges than a queue can hold.

use anyhow::Result;

use super::{drain_all, edges_in, fill, line_and_reader};
use crate::chip::Chip;
use crate::interface::Interface;

/// Number of unread edges.
const EDGES: usize = 2000;

/// Names of the figures of [`overflow`].
pub(super) const NAMES: [&str; 2] = ["lost_of_2000", "unaccounted_of_2000"];

/// Counts lost edges, and the error of the records' own count.
pub(super) fn overflow<I: Interface>(chip: &Chip) -> Result<[f64; 2]> {
    let (line, mut reader) = line_and_reader::<I>(chip)?;
    fill(&line, EDGES)?;
    let mut records = drain_all(&mut reader)?;
    let lost = EDGES - edges_in::<I>(&records);
    // The next record reports the last losses.
    fill(&line, 1)?;
    records.extend(drain_all(&mut reader)?);
    let told = I::lost(&records).unwrap_or(0);
    Ok([lost as f64, told.abs_diff(lost as u64) as f64])
}
