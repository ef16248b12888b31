// SPDX-License-Identifier: MIT OR Apache-2.0

//! From an edge to a reader that is running: it makes the edge itself, then waits for it in
//! epoll_wait, which blocks only if the interface has not handled the edge yet.

use anyhow::{Context, Result};
use nix::sys::epoll::{EpollEvent, EpollTimeout};

use super::{epoll, line_and_reader, percentiles};
use crate::chip::Chip;
use crate::clock::{now_ns, settle};
use crate::interface::Interface;

/// Number of measured edges.
const SAMPLES: usize = 1000;

/// Names of the figures of [`awake`].
pub(super) const NAMES: [&str; 4] = [
    "awake_p50_ns",
    "awake_p99_ns",
    "toggle_awake_p50_ns",
    "toggle_awake_p99_ns",
];

/// Like [`blocked`](super::blocked::blocked), without a second thread.
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
