// SPDX-License-Identifier: MIT OR Apache-2.0

//! From an edge to a TCP client that is blocked in read(), through a program that sends it.

use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::libc::{SCHED_IDLE, SCHED_OTHER};

use super::{one_cpu, percentiles};
use crate::chip::{Chip, Line};
use crate::clock::{now_ns, settle};
use crate::policy::set_policy;
use crate::sender::Sender;

/// Number of measured edges.
const SAMPLES: usize = 200;

/// Number of edges before them.
const WARM_UP: usize = 50;

/// Time between edges: the client must have acknowledged the last line, so that Nagle's algorithm, which nc leaves on,
/// delays no line.
const PAUSE: Duration = Duration::from_millis(50);

/// Timeout of an edge.
const LIMIT: Duration = Duration::from_secs(10);

/// Names of the figures of [`delivered`]; the last one only with one CPU.
pub(super) const NAMES: [&str; 3] = ["client_p50_ns", "client_p99_ns", "client_edge_ns"];

/// Measures from the time stamp in a line until the read() of the end of the line has returned, and the duration of the
/// write that makes the edge. With one CPU, the whole effect of the edge is over by then.
pub(super) fn delivered<S: Sender>(chip: &Chip) -> Result<[f64; 3]> {
    let line = chip.line()?;
    // Child processes inherit it.
    set_policy(SCHED_OTHER)?;
    let started = S::start(chip);
    set_policy(SCHED_IDLE)?;
    let (client, _running) = started?;
    let arrived = Arc::new(AtomicUsize::new(0));
    let thread = {
        let (client, arrived) = (client.try_clone()?, arrived.clone());
        thread::spawn(move || receive::<S>(client, &arrived))
    };
    let edges = toggle(&line, &arrived);
    if edges.is_err() {
        // Ends the thread, if it is still reading.
        let _ = client.shutdown(Shutdown::Both);
    }
    let latencies = thread.join().expect("the receiver does not panic");
    let (edges, latencies) = (edges?, latencies?);
    let [p50, p99] = percentiles(latencies[WARM_UP..].to_vec());
    let edge = edges[WARM_UP..].iter().sum::<u64>() as f64 / SAMPLES as f64;
    Ok([p50, p99, edge])
}

/// Makes the edges. Returns the duration of each write.
fn toggle(line: &Line, arrived: &AtomicUsize) -> Result<Vec<u64>> {
    let mut edges = Vec::with_capacity(WARM_UP + SAMPLES);
    for count in 1..=WARM_UP + SAMPLES {
        sleep(PAUSE);
        let before = now_ns();
        line.toggle()?;
        edges.push(now_ns() - before);
        let started = Instant::now();
        while arrived.load(Ordering::Acquire) < count {
            if one_cpu() {
                bail!("edge {count} was not read when the write that made it returned");
            }
            if started.elapsed() > LIMIT {
                bail!("edge {count} did not arrive");
            }
            settle();
        }
    }
    Ok(edges)
}

/// The client, with normal priority. Counts lines in `arrived`.
fn receive<S: Sender>(mut client: TcpStream, arrived: &AtomicUsize) -> Result<Vec<u64>> {
    set_policy(SCHED_OTHER)?;
    let mut latencies = Vec::with_capacity(WARM_UP + SAMPLES);
    let mut buffer = [0; 4096];
    let mut filled = 0;
    while latencies.len() < WARM_UP + SAMPLES {
        let count = client.read(&mut buffer[filled..]).context("read")?;
        let read_ns = now_ns();
        if count == 0 {
            bail!("the sender closed the connection");
        }
        filled += count;
        if buffer[filled - 1] != b'\n' {
            continue;
        }
        let line = String::from_utf8_lossy(&buffer[..filled]);
        let event_ns = S::timestamp_ns(&line).with_context(|| format!("got {line:?}"))?;
        latencies.push(read_ns - event_ns);
        filled = 0;
        arrived.fetch_add(1, Ordering::Release);
    }
    Ok(latencies)
}
