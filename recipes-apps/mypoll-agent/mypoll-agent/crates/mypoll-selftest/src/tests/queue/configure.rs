// SPDX-License-Identifier: MIT OR Apache-2.0

//! Valid configurations for MYPOLL_CONFIGURE.

use std::sync::{Arc, Barrier};
use std::thread;

use anyhow::{Context, Result, anyhow};
use mypoll::ioctl;
use mypoll::uapi::{self, Config};

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::ioctl::Plain;
use crate::queue::{Queue, sequences};

tests!("queue.configure":
    all_zero_is_a_good_one,
    each_value_at_its_limits,
    longer_structure_of_zeros,
    events_before_it_are_not_in_the_queue,
    other_files_stay_plain,
    a_dup_is_the_same_queue,
    two_threads_at_a_time,
    closing_takes_the_queue_away,
);

fn all_zero_is_a_good_one(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    let stats = queue.stats()?;
    expect_eq("capacity", stats.capacity, uapi::CAPACITY_DEFAULT)?;
    expect_eq("generated", stats.generated, 0)?;
    queue.trigger()?;
    let event = queue.next_record()?;
    expect_eq(
        "source and kind",
        (event.source, event.kind),
        (uapi::SOURCE_MANUAL, uapi::KIND_TRIGGER),
    )?;
    expect_eq("sequence and lost", (event.sequence, event.lost), (1, 0))?;
    expect_eq(
        "line, value and line_sequence",
        (event.line, event.value, event.line_sequence),
        (0, 0, 0),
    )
}

fn each_value_at_its_limits(device: &Device) -> Result<()> {
    let zero = Config::default();
    for config in [
        Config {
            capacity: 1,
            ..zero
        },
        Config {
            capacity: uapi::CAPACITY_MAX,
            ..zero
        },
        Config {
            overflow: uapi::OVERFLOW_DROP_OLDEST,
            ..zero
        },
        Config {
            clock: uapi::CLOCK_BOOTTIME,
            ..zero
        },
        Config {
            sources: 1 << uapi::SOURCE_MANUAL,
            ..zero
        },
        Config {
            sources: 0b1110,
            ..zero
        },
        Config {
            kinds: 1 << uapi::KIND_TRIGGER,
            ..zero
        },
        Config {
            kinds: 0b111_1110,
            ..zero
        },
        Config {
            watermark_events: uapi::CAPACITY_DEFAULT,
            ..zero
        },
        Config {
            capacity: 3,
            watermark_events: 3,
            ..zero
        },
        Config {
            watermark_us: 1,
            ..zero
        },
        Config {
            watermark_us: uapi::WATERMARK_US_MAX,
            ..zero
        },
        Config {
            lines: [u64::MAX; 16],
            ..zero
        },
    ] {
        let queue = Queue::open(device, config)?;
        let capacity = match config.capacity {
            0 => uapi::CAPACITY_DEFAULT,
            capacity => capacity,
        };
        expect_eq("capacity", queue.stats()?.capacity, capacity)?;
        queue.trigger()?;
        expect_eq("depth", queue.stats()?.depth, 1)?;
    }
    Ok(())
}

/// As from a program that knows a later version without using it.
fn longer_structure_of_zeros(device: &Device) -> Result<()> {
    for more in [1, 8, 4000, (1 << 14) - 1 - size_of::<Config>()] {
        let handle = device.open_nonblocking()?;
        let mut bytes = Config {
            capacity: 7,
            ..Default::default()
        }
        .bytes();
        bytes.resize(bytes.len() + more, 0);
        handle
            .ioctl_bytes(ioctl::CONFIGURE, &mut bytes)
            .with_context(|| format!("{more} more bytes"))?;
        let stats = handle.ioctl(ioctl::GET_STATS, uapi::Stats::default())?;
        expect_eq("capacity", stats.capacity, 7)?;
    }
    Ok(())
}

fn events_before_it_are_not_in_the_queue(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    let queue = Queue::over(handle, Config::default())?;
    queue.expect_account(0, 0, 0)?;
    queue.trigger()?;
    expect_eq("sequences", sequences(&queue.drain_records()?), vec![1])?;
    expect_eq(
        "events of the shared queue",
        device.open_nonblocking()?.drain()?.len(),
        2,
    )
}

fn other_files_stay_plain(device: &Device) -> Result<()> {
    let plain = device.open_nonblocking()?;
    let queue = Queue::open(device, Config::default())?;
    for _ in 0..3 {
        plain.trigger()?;
    }
    expect_eq("events of the plain file", plain.drain()?.len(), 3)?;
    expect_eq("events of the queue", queue.drain_records()?.len(), 3)
}

fn a_dup_is_the_same_queue(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    let dup = queue.dup()?;
    queue.trigger()?;
    let mut record = [0; 64];
    expect_eq("read of the dup", dup.read(&mut record)?, 32)?;
    drop(dup);
    queue.trigger()?;
    expect_eq("sequence", queue.next_record()?.sequence, 2)
}

/// One of them creates the queue, and the other one changes it.
fn two_threads_at_a_time(device: &Device) -> Result<()> {
    for _ in 0..50 {
        let queues = device.statistic("private_queues")?;
        let handle = device.open_nonblocking()?;
        let start = Arc::new(Barrier::new(2));
        let threads = [4, 5].map(|capacity| {
            let (dup, start) = (handle.dup()?, start.clone());
            Ok(thread::spawn(move || {
                start.wait();
                dup.configure(Config {
                    capacity,
                    ..Default::default()
                })
            }))
        });
        for thread in threads.into_iter().collect::<Result<Vec<_>>>()? {
            let configured = thread.join().map_err(|_| anyhow!("a thread panicked"))?;
            configured.context("MYPOLL_CONFIGURE")?;
        }
        expect_eq(
            "private_queues",
            device.statistic("private_queues")?,
            queues + 1,
        )?;
    }
    Ok(())
}

fn closing_takes_the_queue_away(device: &Device) -> Result<()> {
    let before = device.statistic("private_queues")?;
    let queues = (0..5)
        .map(|_| Queue::open(device, Config::default()))
        .collect::<Result<Vec<_>>>()?;
    expect_eq(
        "private_queues",
        device.statistic("private_queues")?,
        before + 5,
    )?;
    for queue in &queues {
        queue.trigger()?;
    }
    drop(queues);
    expect_eq(
        "private_queues",
        device.statistic("private_queues")?,
        before,
    )?;
    device.open()?.trigger()
}
