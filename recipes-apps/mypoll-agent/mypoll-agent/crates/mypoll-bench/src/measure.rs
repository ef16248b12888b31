// SPDX-License-Identifier: MIT OR Apache-2.0

//! The measurements, the same for every interface.

mod awake;
mod blocked;
mod close;
mod delivered;
mod drain;
mod edges;
mod mapped;
mod memory;
mod overflow;

use std::thread::available_parallelism;

use anyhow::{Context, Result};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use crate::chip::{Chip, Line};
use crate::clock::settle;
use crate::figure::put_out;
use crate::interface::{Interface, Mypoll, Reader};
use crate::sender::Sender;

/// With the matching queue, as many queues as the driver allows by default.
const FILTERED: usize = 63;

/// Measures everything that all interfaces support.
pub(crate) fn interface<I: Interface>(chip: &Chip) {
    let name = I::NAME;
    eprintln!("{name}: a reader that is blocked in epoll_wait");
    put_out(name, blocked::NAMES, blocked::blocked::<I>(chip));
    eprintln!("{name}: a reader that is awake");
    put_out(name, awake::NAMES, awake::awake::<I>(chip));
    eprintln!("{name}: draining");
    put_out(name, ["drain_ns"], drain::drain::<I>(chip));
    eprintln!("{name}: edges that nobody reads");
    if one_cpu() {
        put_out(name, ["edge_ns"], edges::edges::<I>(chip, 1));
    }
    put_out(name, overflow::NAMES, overflow::overflow::<I>(chip));
    eprintln!("{name}: memory");
    put_out(name, ["memory_bytes"], memory::memory::<I>(chip));
}

/// Measures the delivery of edges to a TCP client.
pub(crate) fn delivered<S: Sender>(chip: &Chip) {
    let name = S::Interface::NAME;
    eprintln!("{name}: a TCP client");
    let figures = delivered::delivered::<S>(chip);
    if one_cpu() {
        return put_out(name, delivered::NAMES, figures);
    }
    let [p50, p99, _] = delivered::NAMES;
    put_out(name, [p50, p99], figures.map(|[p50, p99, _]| [p50, p99]));
}

/// Measures mypoll's mapped ring.
pub(crate) fn mapped(chip: &Chip) {
    let name = Mypoll::NAME;
    eprintln!("{name}: the mapped ring");
    put_out(name, ["drain_mapped_ns"], mapped::mapped(chip));
}

/// Measures the cost of an edge with several open files.
pub(crate) fn subscribers<I: Interface>(chip: &Chip) {
    if !one_cpu() {
        return;
    }
    for (count, figure) in [(8, "edge_8_files_ns"), (64, "edge_64_files_ns")] {
        eprintln!("{}: edges with {count} open files", I::NAME);
        put_out(I::NAME, [figure], edges::edges::<I>(chip, count));
    }
}

/// Measures the cost of an edge with one matching queue, and many whose filters reject its line.
pub(crate) fn filtered(chip: &Chip) {
    if !one_cpu() {
        return;
    }
    let name = Mypoll::NAME;
    eprintln!("{name}: edges with {FILTERED} queues that reject them, and one that matches");
    let edges = || {
        let _others = (0..FILTERED)
            .map(|_| Mypoll::queue_of_other_line())
            .collect::<Result<Vec<_>>>()?;
        edges::edges::<Mypoll>(chip, 1)
    };
    put_out(name, ["edge_63_filtered_ns"], edges());
}

/// Measures closing a file with a queue.
pub(crate) fn close(chip: &Chip) {
    let name = Mypoll::NAME;
    eprintln!("{name}: closing");
    put_out(name, close::NAMES, close::close::<Mypoll>(chip));
}

/// Whether the time between two edges is the whole cost of an edge: with several CPUs, other CPUs
/// do a part of the work.
fn one_cpu() -> bool {
    available_parallelism().is_ok_and(|cpus| cpus.get() == 1)
}

/// The line of `I`, and an idle reader of it.
fn line_and_reader<I: Interface>(chip: &Chip) -> Result<(Line, Reader)> {
    let line = chip.line()?;
    settle();
    Ok((line, Reader::open::<I>(chip)?))
}

/// An epoll that waits for `reader`.
fn epoll(reader: &Reader) -> Result<Epoll> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("epoll_create1")?;
    epoll
        .add(reader, EpollEvent::new(EpollFlags::EPOLLIN, 0))
        .context("epoll_ctl")?;
    Ok(epoll)
}

/// Toggles the line `count` times, pausing after each.
fn fill(line: &Line, count: usize) -> Result<()> {
    for _ in 0..count {
        line.toggle()?;
        settle();
    }
    Ok(())
}

/// Reads everything.
fn drain_all(reader: &mut Reader) -> Result<Vec<u8>> {
    let mut records = Vec::new();
    while let Some(more) = reader.read()? {
        records.extend_from_slice(more);
    }
    Ok(records)
}

/// Number of edges in these records.
fn edges_in<I: Interface>(records: &[u8]) -> usize {
    records
        .chunks_exact(I::RECORD)
        .filter(|record| I::is_edge(record))
        .count()
}

/// Median and 99th percentile, nearest rank.
fn percentiles(mut values: Vec<u64>) -> [f64; 2] {
    values.sort_unstable();
    [50, 99].map(|percent| values[(values.len() * percent).div_ceil(100) - 1] as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        assert_eq!(percentiles((1..=1000).rev().collect()), [500.0, 990.0]);
        assert_eq!(percentiles(vec![7]), [7.0, 7.0]);
    }
}
