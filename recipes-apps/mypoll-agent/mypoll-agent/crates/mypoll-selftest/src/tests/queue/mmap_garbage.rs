// SPDX-License-Identifier: MIT OR Apache-2.0

//! A program that stores garbage in its mapped ring: only its own queue loses events.

use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Result, anyhow, ensure};
use mypoll::uapi::{self, Config};
use nix::errno::Errno;

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::handle::{READABLE, WRITABLE};
use crate::mapping::Ring;
use crate::queue::{Queue, losses, sequences};

tests!("queue.mmap.garbage":
    the_other_words_are_not_read,
    a_head_that_cannot_be_is_a_full_ring,
    a_head_set_back_costs_room,
    heads_of_all_kinds_while_events_come,
    a_head_put_right_goes_on,
);

fn the_other_words_are_not_read(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 8)?;
    for garbage in [0, 1, 0x5555_5555, u32::MAX] {
        for offset in (0..size_of::<uapi::Ring>()).step_by(4) {
            if offset != offset_of!(uapi::Ring, head) {
                ring.control(offset).store(garbage, Ordering::Relaxed);
            }
        }
        let read = queue.stats()?.read;
        queue.triggers(10)?;
        let events = queue.read_records(64)?;
        let first = u32::try_from(read)? + 1;
        expect_eq(
            "sequences",
            sequences(&events),
            (first..first + 8).collect(),
        )?;
        expect_eq("capacity", queue.stats()?.capacity, 8)?;
    }
    queue.expect_account(32, 8, 0)
}

fn a_head_that_cannot_be_is_a_full_ring(device: &Device) -> Result<()> {
    for distance in [1, 9, 100, 1 << 16, 1 << 31, u32::MAX - 8] {
        let (queue, ring) = Ring::of_capacity(device, 8)?;
        queue.triggers(3)?;
        ring.head()
            .store(ring.tail().wrapping_add(distance), Ordering::Release);
        expect_eq("depth", queue.stats_as_told()?.depth, 8)?;
        expect_eq(
            "poll",
            queue.readiness()? & (READABLE | WRITABLE),
            READABLE | WRITABLE,
        )?;
        queue.trigger()?;
        expect_eq("lost", queue.stats_as_told()?.lost, 1)?;
        expect_eq("a read", queue.read_records(64)?.len(), 8)?;
        expect_eq("depth after it", queue.stats_as_told()?.depth, 0)?;
    }
    Ok(())
}

fn a_head_set_back_costs_room(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 8)?;
    queue.triggers(8)?;
    ring.drain();
    queue.triggers(2)?;
    ring.head().store(2, Ordering::Release);
    queue.trigger()?;
    expect_eq("lost", queue.stats_as_told()?.lost, 1)?;
    ring.head().store(8, Ordering::Release);
    let events = ring.drain();
    expect_eq("sequences", sequences(&events), vec![9, 10])?;
    queue.trigger()?;
    let next = ring.drain();
    expect_eq("sequence", sequences(&next), vec![11])?;
    expect_eq("lost", losses(&next), vec![1])?;
    queue.expect_account(11, 1, 0)
}

fn heads_of_all_kinds_while_events_come(device: &Device) -> Result<()> {
    const EVENTS: u32 = 2000;
    let witness = Queue::open(device, Config::default())?;
    let (queue, ring) = Ring::of_capacity(device, 8)?;
    let done = Arc::new(AtomicBool::new(false));
    let vandal = thread::spawn({
        let done = done.clone();
        move || {
            // A reproducible pseudorandom number generator: Marsaglia's xorshift.
            let mut garbage = 1u32;
            while !done.load(Ordering::Relaxed) {
                garbage ^= garbage << 13;
                garbage ^= garbage >> 17;
                garbage ^= garbage << 5;
                let near = ring.tail().wrapping_add(garbage % 32).wrapping_sub(16);
                let head = if garbage % 2 == 0 { garbage } else { near };
                ring.head().store(head, Ordering::Release);
            }
        }
    });
    let mut used = Ok(());
    for _ in 0..EVENTS / 4 {
        used = (|| -> Result<()> {
            queue.triggers(4)?;
            queue.readiness()?;
            let stats = queue.stats_as_told()?;
            ensure!(
                stats.depth <= stats.capacity && stats.high_water <= stats.capacity,
                "seen {stats:?}, expected no more than the capacity"
            );
            // The read returns garbage, but not more than possible.
            match queue.read_records(64) {
                Ok(events) => ensure!(events.len() <= 8, "seen {} events of 8", events.len()),
                Err(errno) => expect_eq("read", errno, Errno::EAGAIN)?,
            }
            Ok(())
        })();
        if used.is_err() {
            break;
        }
    }
    done.store(true, Ordering::Relaxed);
    vandal.join().map_err(|_| anyhow!("the vandal panicked"))?;
    used?;
    let stats = queue.stats_as_told()?;
    expect_eq("generated", stats.generated, EVENTS.into())?;

    let events = witness.drain_records()?;
    expect_eq("another queue", sequences(&events), (1..=EVENTS).collect())?;
    witness.expect_account(EVENTS.into(), 0, 0)
}

fn a_head_put_right_goes_on(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 8)?;
    for head in [7, u32::MAX, 1 << 31] {
        ring.head().store(head, Ordering::Release);
        queue.triggers(3)?;
        let next = ring.tail();
        ring.head().store(next, Ordering::Release);
        queue.triggers(4)?;
        let numbers = sequences(&ring.drain());
        expect_eq("sequences", numbers, (next + 1..next + 5).collect())?;
    }
    Ok(())
}
