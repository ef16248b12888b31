// SPDX-License-Identifier: MIT OR Apache-2.0

//! From an edge to a reader that need not be woken: it makes the edge itself, then waits for it in
//! epoll_wait. Blocks there only where the interface has not done with the edge by then.

use anyhow::{Context, Result};
use nix::sys::epoll::{EpollEvent, EpollTimeout};

use super::{epoll, line_and_reader, percentiles};
use crate::chip::Chip;
use crate::clock::{now_ns, settle};
use crate::interface::Interface;

/// How many edges count.
const SAMPLES: usize = 1000;

/// The names of what [`awake`] gives.
pub(super) const NAMES: [&str; 4] = [
    "awake_p50_ns",
    "awake_p99_ns",
    "toggle_awake_p50_ns",
    "toggle_awake_p99_ns",
];

/// As [`blocked`](super::blocked::blocked), without another thread.
pub(super) fn awake<I: Interface>(chip: &Chip) -> Result<[f64; 4]> {
    let (line, mut reader) = line_and_reader::<I>(chip)?;
    let epoll = epoll(&reader)?;
    let (mut from_event, mut from_toggle) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        settle();
        let toggle_ns = now_ns();
        line.toggle()?;
        epoll
            .wait(&mut [EpollEvent::empty()], EpollTimeout::NONE)
            .context("epoll_wait")?;
        let records = reader.read()?;
        let read_ns = now_ns();
        let records = records.context("epoll_wait returned, but there is nothing to read")?;
        from_event.push(read_ns - I::timestamp_ns(records));
        from_toggle.push(read_ns - toggle_ns);
    }
    let [p50, p99] = percentiles(from_event);
    let [toggle_p50, toggle_p99] = percentiles(from_toggle);
    Ok([p50, p99, toggle_p50, toggle_p99])
}
