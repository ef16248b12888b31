// SPDX-License-Identifier: MIT OR Apache-2.0

//! Taking many events from mypoll's mapped ring.

use std::hint::black_box;

use anyhow::{Result, ensure};
use mypoll::queue::Ring;

use super::fill;
use crate::chip::{Chip, Line};
use crate::clock::{now_ns, settle};
use crate::interface::{Interface, Mypoll};

/// Number of edges per round.
const EDGES: usize = 1024;

/// Measures the cost of an event whose time stamp is read.
pub(super) fn mapped(chip: &Chip) -> Result<[f64; 1]> {
    let line = chip.line()?;
    settle();
    let mut ring = Mypoll::queue()?.map()?;
    // The first round touches each slot.
    for _ in 0..Mypoll::CAPACITY / EDGES {
        round(&line, &mut ring)?;
    }
    Ok([round(&line, &mut ring)? as f64 / EDGES as f64])
}

/// Queues events and takes them: returns the duration.
fn round(line: &Line, ring: &mut Ring) -> Result<u64> {
    fill(line, EDGES)?;
    let started_ns = now_ns();
    let drain = ring.drain();
    let taken = drain.len();
    black_box(drain.map(|record| record.timestamp_ns()).fold(0, u64::max));
    let took_ns = now_ns() - started_ns;
    ensure!(taken == EDGES, "{taken} of {EDGES} edges arrived");
    Ok(took_ns)
}
