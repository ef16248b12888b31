// SPDX-License-Identifier: MIT OR Apache-2.0

//! From an edge to a reader that is blocked in epoll_wait, on another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::libc::SCHED_OTHER;
use nix::sys::epoll::{EpollEvent, EpollTimeout};

use super::{epoll, line_and_reader, percentiles};
use crate::chip::Chip;
use crate::clock::{now_ns, settle};
use crate::figure::put_out_counts;
use crate::interface::{Interface, Reader};
use crate::policy::set_policy;

/// Number of measured edges.
const SAMPLES: usize = 1000;

/// Number of edges before them.
const WARM_UP: usize = 50;

/// Timeout of an edge.
const LIMIT: Duration = Duration::from_secs(10);

/// Names of the figures of [`blocked`].
pub(super) const NAMES: [&str; 4] = [
    "blocked_p50_ns",
    "blocked_p99_ns",
    "toggle_blocked_p50_ns",
    "toggle_blocked_p99_ns",
];

/// Times of an event.
struct Arrival {
    /// Its time stamp.
    event_ns: u64,
    /// When read() returned.
    read_ns: u64,
}

/// Measures from the interface's own time stamp, and from before the write that makes the edge,
/// until the read() of the event has returned.
pub(super) fn blocked<I: Interface>(chip: &Chip) -> Result<[f64; 4]> {
    let (line, reader) = line_and_reader::<I>(chip)?;
    let arrived = Arc::new(AtomicUsize::new(0));
    let thread = {
        let arrived = arrived.clone();
        thread::spawn(move || receive::<I>(reader, &arrived))
    };
    let mut toggles = Vec::with_capacity(WARM_UP + SAMPLES);
    for count in 1..=WARM_UP + SAMPLES {
        settle();
        toggles.push(now_ns());
        line.toggle()?;
        let started = Instant::now();
        while arrived.load(Ordering::Acquire) < count {
            if thread.is_finished() || started.elapsed() > LIMIT {
                bail!("edge {count} did not arrive");
            }
            settle();
        }
    }
    let arrivals = thread.join().expect("the reader does not panic")?;

    let counted = || toggles.iter().zip(&arrivals).skip(WARM_UP);
    let from_event = counted().map(|(_, arrival)| arrival.read_ns - arrival.event_ns);
    let from_toggle = counted().map(|(toggle, arrival)| arrival.read_ns - toggle);
    let from_event: Vec<u64> = from_event.collect();
    put_out_counts(I::NAME, "blocked_ns", &from_event);
    let [p50, p99] = percentiles(from_event);
    let [toggle_p50, toggle_p99] = percentiles(from_toggle.collect());
    Ok([p50, p99, toggle_p50, toggle_p99])
}

/// The reader's loop, with normal priority.
fn receive<I: Interface>(mut reader: Reader, arrived: &AtomicUsize) -> Result<Vec<Arrival>> {
    set_policy(SCHED_OTHER)?;
    let epoll = epoll(&reader)?;
    let mut arrivals = Vec::with_capacity(WARM_UP + SAMPLES);
    while arrivals.len() < WARM_UP + SAMPLES {
        epoll
            .wait(&mut [EpollEvent::empty()], EpollTimeout::NONE)
            .context("epoll_wait")?;
        let records = reader.read()?;
        let read_ns = now_ns();
        let records = records.context("epoll_wait returned, but there is nothing to read")?;
        arrivals.push(Arrival {
            event_ns: I::timestamp_ns(records),
            read_ns,
        });
        arrived.store(arrivals.len(), Ordering::Release);
    }
    Ok(arrivals)
}
