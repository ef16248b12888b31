// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading many events at once.

use anyhow::{Result, ensure};

use super::{fill, line_and_reader};
use crate::chip::{Chip, Line};
use crate::clock::now_ns;
use crate::interface::{Interface, Reader};

/// Total number of edges, at least.
const EDGES: usize = 1024;

/// Number of rounds that may be discarded.
const MERGED_MAX: usize = 20;

/// Measures the cost of an event in reads of 64 records.
pub(super) fn drain<I: Interface>(chip: &Chip) -> Result<[f64; 1]> {
    let (line, mut reader) = line_and_reader::<I>(chip)?;
    let edges = I::CAPACITY.min(EDGES);
    // The first round warms up.
    round::<I>(&line, &mut reader, edges)?;
    let (mut count, mut took_ns, mut merged) = (0, 0, 0);
    while count < EDGES {
        let (arrived, ns) = round::<I>(&line, &mut reader, edges)?;
        if arrived == edges {
            count += edges;
            took_ns += ns;
        } else {
            // On a busy host, the pause between two edges is not always long enough.
            merged += 1;
            ensure!(merged <= MERGED_MAX, "{arrived} of {edges} edges arrived");
        }
    }
    Ok([took_ns as f64 / count as f64])
}

/// Queues edges, and reads them: returns how many arrived, and the duration of the reads.
fn round<I: Interface>(line: &Line, reader: &mut Reader, edges: usize) -> Result<(usize, u64)> {
    fill(line, edges)?;
    let edge = I::RECORDS_PER_EDGE * I::RECORD;
    let mut bytes = 0;
    let started_ns = now_ns();
    while bytes < edges * edge {
        match reader.read()? {
            Some(records) => bytes += records.len(),
            None => break,
        }
    }
    let took_ns = now_ns() - started_ns;
    Ok((bytes / edge, took_ns))
}
