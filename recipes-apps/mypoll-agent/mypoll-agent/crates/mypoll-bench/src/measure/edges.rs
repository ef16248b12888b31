// SPDX-License-Identifier: MIT OR Apache-2.0

//! The system's cost of an edge without a reader.

use std::thread::yield_now;

use anyhow::{Result, ensure};

use super::{drain_all, edges_in};
use crate::chip::{Chip, Line};
use crate::clock::{now_ns, settle};
use crate::interface::{Interface, Reader};

/// Number of counted edges, at least.
const EDGES: usize = 1000;

/// Number of batches that may be discarded.
const MERGED_MAX: usize = 100;

/// Measures from the write that makes an edge until all work is done, with `files` open files that
/// have room for it.
pub(super) fn edges<I: Interface>(chip: &Chip, files: usize) -> Result<[f64; 1]> {
    let line = chip.line()?;
    settle();
    let mut readers = (0..files)
        .map(|_| Reader::open::<I>(chip))
        .collect::<Result<Vec<_>>>()?;
    let edges = I::CAPACITY.min(EDGES);
    let (mut count, mut took_ns, mut merged) = (0, 0, 0);
    while count < EDGES {
        let (arrived, ns) = batch::<I>(&line, &mut readers, edges)?;
        if arrived == edges * files {
            count += edges;
            took_ns += ns;
        } else {
            // gpio-keys merges edges that arrive before its work item runs: such a batch does not show
            // the cost of an edge.
            merged += 1;
            ensure!(
                merged <= MERGED_MAX,
                "{arrived} of {} edges arrived",
                edges * files
            );
        }
    }
    Ok([took_ns as f64 / count as f64])
}

/// Makes edges without a pause: returns how many arrived in all files together, and the duration.
fn batch<I: Interface>(line: &Line, readers: &mut [Reader], edges: usize) -> Result<(usize, u64)> {
    settle();
    let started_ns = now_ns();
    for _ in 0..edges {
        line.toggle()?;
    }
    yield_now();
    let took_ns = now_ns() - started_ns;
    settle();
    let mut arrived = 0;
    for reader in readers {
        arrived += edges_in::<I>(&drain_all(reader)?);
    }
    Ok((arrived, took_ns))
}
