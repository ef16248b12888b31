// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading many events at once.

use anyhow::{Result, ensure};

use super::{fill, line_and_reader};
use crate::chip::{Chip, Line};
use crate::clock::now_ns;
use crate::interface::{Interface, Reader};

/// How many edges are read in all, at least.
const EDGES: usize = 1024;

/// Measures what an event costs in reads of 64 records.
pub(super) fn drain<I: Interface>(chip: &Chip) -> Result<[f64; 1]> {
    let (line, mut reader) = line_and_reader::<I>(chip)?;
    // The first round warms up.
    round::<I>(&line, &mut reader)?;
    let (mut edges, mut took_ns) = (0, 0);
    while edges < EDGES {
        let (count, ns) = round::<I>(&line, &mut reader)?;
        edges += count;
        took_ns += ns;
    }
    Ok([took_ns as f64 / edges as f64])
}

/// Queues as many edges as fit, and reads them: how many, and for how long.
fn round<I: Interface>(line: &Line, reader: &mut Reader) -> Result<(usize, u64)> {
    let edges = I::CAPACITY.min(EDGES);
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
    ensure!(
        bytes == edges * edge,
        "{} of {edges} edges arrived",
        bytes / edge
    );
    Ok((edges, took_ns))
}
