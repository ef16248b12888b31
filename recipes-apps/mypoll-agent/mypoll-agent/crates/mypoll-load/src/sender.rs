// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events at a steady rate.

use std::{
    io::Write,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use nix::{
    sys::time::TimeValLike as _,
    time::{ClockId, clock_gettime},
};

use crate::Load;

/// Interval of writes: events of one interval are written together.
const PERIOD: Duration = Duration::from_millis(1);

/// CLOCK_MONOTONIC in nanoseconds.
pub fn now_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| now.num_nanoseconds().unsigned_abs())
}

/// Writes all events of `load`, each encoded with its stamp by `encode`; returns the duration.
pub fn send(
    load: Load,
    output: &mut impl Write,
    mut encode: impl FnMut(u64, &mut Vec<u8>),
) -> Result<Duration> {
    let started = Instant::now();
    let mut sent = 0;
    let mut bytes = Vec::new();
    while sent < load.events() {
        let due = (started.elapsed().as_secs_f64() * f64::from(load.rate)) as usize;
        bytes.clear();
        while sent < due.min(load.events()) {
            encode(now_ns(), &mut bytes);
            sent += 1;
        }
        output.write_all(&bytes)?;
        thread::sleep(PERIOD);
    }
    Ok(started.elapsed())
}
