// SPDX-License-Identifier: MIT OR Apache-2.0

//! Eight producers and eight readers with different settings at the same time: every account is exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow, ensure};
use mypoll::uapi::{self, Config, Event, Stats};
use nix::errno::Errno;
use nix::poll::PollFlags;

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::mapping::Ring;
use crate::queue::{Queue, only_line};
use crate::sim_line::SimLine;

tests!("queue.stress":
    eight_producers_and_eight_readers,
    readers_come_and_go,
);

/// How often each writer and each line makes an event.
const TRIGGERS: u32 = 400;
const EDGES: u32 = 100;

/// The events that a reader got.
#[derive(Debug, Default)]
struct Seen {
    read: u64,
    told: u64,
    latest_tick: u64,
    sources: [u64; 4],
}

impl Seen {
    /// Records the next events.
    fn note(&mut self, events: &[Event]) -> Result<()> {
        for event in events {
            self.read += 1;
            expect_eq("sequence", u64::from(event.sequence), self.read)?;
            self.told += u64::from(event.lost);
            // Events of several producers may be queued in a different order than their time stamps.
            if event.source == uapi::SOURCE_TIMER {
                ensure!(
                    event.timestamp_ns > self.latest_tick,
                    "seen {event:?} after {} ns, expected a later one",
                    self.latest_tick
                );
                self.latest_tick = event.timestamp_ns;
            }
            self.sources[usize::from(event.source)] += 1;
        }
        Ok(())
    }
}

/// How a reader gets its events.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Up to this many per read, after poll.
    Read(usize),
    /// From the mapped ring.
    Mapped,
}

/// Reads a queue until no more events follow.
fn reader(queue: Queue, way: Way, over: Arc<AtomicBool>) -> JoinHandle<Result<(Queue, Seen)>> {
    thread::spawn(move || {
        let ring = match way {
            Way::Read(_) => None,
            Way::Mapped => Some(Ring::map(&queue).context("mmap")?),
        };
        let mut seen = Seen::default();
        loop {
            // Check this first: events queued before it was set are then read afterwards.
            let last = over.load(Ordering::Acquire);
            let events = match (way, &ring) {
                (_, Some(ring)) => ring.drain(),
                (Way::Read(max), None) => match queue.read_records(max) {
                    Err(Errno::EAGAIN) => Vec::new(),
                    read => read.context("read")?,
                },
                (Way::Mapped, None) => unreachable!("it was mapped"),
            };
            seen.note(&events)?;
            if events.is_empty() {
                if last {
                    return Ok((queue, seen));
                }
                queue.wait_at_most(10)?;
            }
        }
    })
}

fn eight_producers_and_eight_readers(device: &Device) -> Result<()> {
    let lines = [
        SimLine::plain(device)?,
        SimLine::button(device)?,
        SimLine::rising(device)?,
    ];
    let zero = Config::default();
    let large = Config {
        capacity: uapi::CAPACITY_MAX,
        ..zero
    };
    let oldest = Config {
        overflow: uapi::OVERFLOW_DROP_OLDEST,
        ..zero
    };
    let gpio = 1 << uapi::SOURCE_GPIO;
    let one_line = only_line(lines[0].number);
    let over = Arc::new(AtomicBool::new(false));
    let readers = [
        (large, Way::Read(64)),
        (large, Way::Mapped),
        (
            Config {
                capacity: 1,
                ..zero
            },
            Way::Read(1),
        ),
        (
            Config {
                capacity: 1,
                ..oldest
            },
            Way::Read(3),
        ),
        (
            Config {
                capacity: 16,
                watermark_events: 16,
                watermark_us: 2000,
                ..oldest
            },
            Way::Read(64),
        ),
        (
            Config {
                capacity: 5,
                watermark_events: 5,
                ..zero
            },
            Way::Mapped,
        ),
        (
            Config {
                sources: gpio,
                clock: uapi::CLOCK_BOOTTIME,
                ..large
            },
            Way::Read(7),
        ),
        (
            Config {
                sources: gpio,
                lines: one_line,
                ..oldest
            },
            Way::Read(2),
        ),
    ]
    .into_iter()
    .map(|(config, way)| {
        Ok((
            config,
            reader(Queue::open(device, config)?, way, over.clone()),
        ))
    })
    .collect::<Result<Vec<_>>>()?;

    let timer = device.open()?;
    timer.command("start 1")?;
    let mut producers = Vec::new();
    for _ in 0..4 {
        let handle = device.open()?;
        producers.push(thread::spawn(move || {
            (0..TRIGGERS).try_for_each(|_| handle.trigger())
        }));
    }
    for line in lines {
        producers.push(thread::spawn(move || {
            (0..EDGES).try_for_each(|edge| line.set(edge % 2 == 0))
        }));
    }
    for producer in producers {
        producer
            .join()
            .map_err(|_| anyhow!("a producer panicked"))??;
    }
    timer.command("stop")?;
    over.store(true, Ordering::Release);

    let shared = device.stats()?;
    let offered = u64::from(shared.generated) + u64::from(shared.dropped);
    let readers = readers
        .into_iter()
        .map(|(config, reader)| {
            let joined = reader.join().map_err(|_| anyhow!("a reader panicked"))?;
            let (queue, seen) = joined.with_context(|| format!("{config:?}"))?;
            let stats = queue.stats()?;
            Ok((config, queue, seen, stats))
        })
        .collect::<Result<Vec<_>>>()?;
    // One more event reports the losses after the last one.
    timer.trigger()?;
    for (config, queue, seen, stats) in readers {
        expect_exact(&config, &queue, seen, stats, offered)
            .with_context(|| format!("{config:?}"))?;
    }
    Ok(())
}

/// Compares what a reader got with the driver's account of its queue; `stats` is the account before the last event.
fn expect_exact(
    config: &Config,
    queue: &Queue,
    mut seen: Seen,
    stats: Stats,
    offered: u64,
) -> Result<()> {
    expect_eq("read and depth", (stats.read, stats.depth), (seen.read, 0))?;
    let [_, triggers, ticks, edges] = seen.sources;
    if config.sources != 0 {
        expect_eq("triggers and ticks", (triggers, ticks), (0, 0))?;
        expect_eq("edges", stats.generated, edges)?;
        return expect_eq("lost", (seen.told, stats.lost), (0, 0));
    }
    expect_eq("generated", stats.generated, offered)?;
    if config.capacity == uapi::CAPACITY_MAX {
        expect_eq("triggers", triggers, u64::from(4 * TRIGGERS))?;
        expect_eq("lost", stats.lost, 0)?;
    }
    seen.note(&queue.read_records(2).context("the last read")?)?;
    expect_eq("read", seen.read, stats.read + 1)?;
    queue.expect_account(seen.read, seen.told, 0)
}

/// Queues are created, changed, mapped and closed while events arrive.
fn readers_come_and_go(device: &Device) -> Result<()> {
    let witness = Queue::open(
        device,
        Config {
            capacity: uapi::CAPACITY_MAX,
            sources: 1 << uapi::SOURCE_MANUAL,
            ..Default::default()
        },
    )?;
    witness.command("start 1")?;
    let over = Arc::new(AtomicBool::new(false));
    let guests = (1..=4)
        .map(|capacity| {
            let (device, over) = (device.clone(), over.clone());
            thread::spawn(move || -> Result<()> {
                while !over.load(Ordering::Relaxed) {
                    let queue = Queue::open(
                        &device,
                        Config {
                            capacity,
                            ..Default::default()
                        },
                    )?;
                    queue.wait(PollFlags::POLLIN)?;
                    queue.configure(Config {
                        overflow: uapi::OVERFLOW_DROP_OLDEST,
                        ..Default::default()
                    })?;
                    queue.read_records(8)?;
                    queue.configure(Config {
                        capacity,
                        ..Default::default()
                    })?;
                    let ring = Ring::map(&queue)?;
                    queue.wait(PollFlags::POLLIN)?;
                    drop(queue);
                    ring.drain();
                }
                Ok(())
            })
        })
        .collect::<Vec<_>>();
    witness.triggers(2000)?;
    over.store(true, Ordering::Relaxed);
    for guest in guests {
        guest.join().map_err(|_| anyhow!("a guest panicked"))??;
    }
    witness.command("stop")?;
    let mut seen = Seen::default();
    seen.note(&witness.drain_records()?)?;
    expect_eq("triggers", (seen.read, seen.told), (2000, 0))?;
    drop(witness);
    expect_eq("private_queues", device.statistic("private_queues")?, 0)
}
