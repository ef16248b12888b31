// SPDX-License-Identifier: MIT OR Apache-2.0

//! POLLIN is never reported for a queue that never reached its watermark.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use mypoll::uapi::{self, Config};
use nix::errno::Errno;

use super::read::both_policies;
use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::READABLE;
use crate::mapping::Ring;
use crate::queue::Queue;

tests!("queue.poll.never_false":
    below_the_watermark_of_a_mapped_ring,
    below_the_watermark_of_a_queue_that_is_read,
    a_read_follows_where_nobody_else_reads,
);

/// How long the pollers run: an interrupt must arrive between two of their instructions.
const LOOKING: Duration = Duration::from_secs(4);

/// The minimum number of events.
const EVENTS: u32 = 100;

/// Polls a queue that never holds two events, while `consume` takes each event that was queued.
fn expect_never_readable(queue: &Queue, consume: impl Fn() -> Result<()> + Send) -> Result<()> {
    let done = &AtomicBool::new(false);
    let events = &AtomicU32::new(0);
    thread::scope(|scope| {
        let producer = scope.spawn(move || -> Result<()> {
            let mut produced = Ok(());
            while produced.is_ok() && !done.load(Ordering::Relaxed) {
                produced = queue.trigger().and_then(|()| consume());
                events.fetch_add(1, Ordering::Relaxed);
            }
            // Stops the pollers.
            done.store(true, Ordering::Relaxed);
            produced
        });
        let poller = || -> Result<()> {
            let start = Instant::now();
            let mut polls = 0u32;
            let enough = || start.elapsed() >= LOOKING && events.load(Ordering::Relaxed) >= EVENTS;
            while !enough() && !done.load(Ordering::Relaxed) {
                for _ in 0..100 {
                    let ready = queue.readiness()?;
                    ensure!(
                        !ready.intersects(READABLE),
                        "poll {polls}: seen {ready:?} of a queue that never holds two events: {:?}",
                        queue.stats()?
                    );
                    polls += 1;
                }
            }
            Ok(())
        };
        let other = scope.spawn(poller);
        let polled = poller();
        done.store(true, Ordering::Relaxed);
        let other = other.join().map_err(|_| anyhow!("a poller panicked"))?;
        producer
            .join()
            .map_err(|_| anyhow!("the producer panicked"))??;
        polled.and(other)
    })
}

const TWO: u32 = 2;

fn below_the_watermark_of_a_mapped_ring(device: &Device) -> Result<()> {
    let queue = Queue::open(
        device,
        Config {
            watermark_events: TWO,
            ..Config::default()
        },
    )?;
    let ring = Ring::map(&queue)?;
    expect_never_readable(&queue, move || {
        let event = ring.take().context("no event in the ring")?;
        expect_eq("source", event.source, uapi::SOURCE_MANUAL)
    })
}

fn below_the_watermark_of_a_queue_that_is_read(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open(
            device,
            Config {
                watermark_events: TWO,
                ..config
            },
        )?;
        let reader = queue.dup()?;
        expect_never_readable(&queue, move || {
            expect_eq("read", reader.read(&mut [0; 32])?, 32)
        })?;
    }
    Ok(())
}

/// Another thread produces events, and only one thread polls and reads.
fn a_read_follows_where_nobody_else_reads(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open(device, config)?;
        let writer = device.open()?;
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let producer = scope.spawn(|| -> Result<()> {
                while !done.load(Ordering::Relaxed) {
                    writer.trigger()?;
                }
                Ok(())
            });
            let read = (0..3000).try_for_each(|_| -> Result<()> {
                if queue.readiness()?.intersects(READABLE) {
                    queue.read_records(100)?;
                }
                Ok(())
            });
            done.store(true, Ordering::Relaxed);
            producer
                .join()
                .map_err(|_| anyhow!("the producer panicked"))??;
            read
        })?;
        queue.drain_records()?;
        expect_eq("poll", queue.readiness()?.intersects(READABLE), false)?;
        expect_errno("read", queue.read_records(1), Errno::EAGAIN)?;
    }
    Ok(())
}
