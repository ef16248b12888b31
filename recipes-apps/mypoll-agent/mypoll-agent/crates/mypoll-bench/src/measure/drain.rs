// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading many events at once.

use anyhow::{Result, ensure};

use super::{fill, line_and_reader};
use crate::chip::{Chip, Line};
use crate::clock::now_ns;
use crate::interface::{Interface, Reader};

/// How many edges are read in all, at least.
const EDGES: usize = 1024;

/// How many rounds may be of no use.
const MERGED_MAX: usize = 20;

/// Measures what an event costs in reads of 64 records.
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
            // On a host that is busy, the pause between two edges is not always enough.
            merged += 1;
            ensure!(merged <= MERGED_MAX, "{arrived} of {edges} edges arrived");
        }
    }
    Ok([took_ns as f64 / count as f64])
}

/// Queues edges, and reads them: how many arrived, and for how long.
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
