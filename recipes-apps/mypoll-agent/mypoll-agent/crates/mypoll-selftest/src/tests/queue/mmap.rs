// SPDX-License-Identifier: MIT OR Apache-2.0

//! The mapped ring: takes events without a system call, and keeps the account exact.

use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};
use mypoll::uapi::Config;
use nix::errno::Errno;
use nix::poll::PollFlags;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::{LOSS, READABLE, WRITABLE};
use crate::mapping::Ring;
use crate::process::{Forked, say};
use crate::queue::{Queue, losses, sequences};
use crate::sleeper::Sleeper;

tests!("queue.mmap":
    events_are_there_without_a_read,
    capacity_that_is_no_power_of_two,
    many_times_around,
    losses_are_told,
    poll_goes_by_the_head,
    priority_goes_by_the_head,
    wakes_at_the_watermark,
    read_beside_it,
    two_mappings_are_one_ring,
    outlives_the_descriptor,
    ends_with_the_mapping,
    unmapping_leaves_the_queue,
    a_child_has_the_same_ring,
);

fn events_are_there_without_a_read(device: &Device) -> Result<()> {
    let witness = Queue::open(device, Config::default())?;
    let (queue, ring) = Ring::of_capacity(device, 8)?;
    expect_eq("mask and capacity", (ring.mask(), ring.capacity()), (7, 8))?;
    expect_eq("at first", ring.take(), None)?;
    queue.triggers(5)?;
    queue.expect_account(0, 0, 5)?;
    expect_eq("events", ring.drain(), witness.drain_records()?)?;
    queue.expect_account(5, 0, 0)?;
    expect_errno("read", queue.read_records(1), Errno::EAGAIN)
}

fn capacity_that_is_no_power_of_two(device: &Device) -> Result<()> {
    for (capacity, mask) in [(1, 0), (3, 3), (5, 7), (100, 127), (65536, 65535)] {
        let (queue, ring) = Ring::of_capacity(device, capacity)?;
        expect_eq(
            "mask and capacity",
            (ring.mask(), ring.capacity()),
            (mask, capacity),
        )?;
        let count = capacity.min(100);
        queue.triggers(count as usize + 2)?;
        let lost = (count + 2).saturating_sub(capacity);
        queue.expect_account(0, lost.into(), count + 2 - lost)?;
        expect_eq("events", ring.drain().len() as u32, count + 2 - lost)?;
    }
    Ok(())
}

fn many_times_around(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 3)?;
    let mut next = 1;
    for count in [1, 2, 3].into_iter().cycle().take(60) {
        queue.triggers(count)?;
        let events = ring.drain();
        expect_eq(
            "sequences",
            sequences(&events),
            (next..).take(count).collect(),
        )?;
        next += count as u32;
    }
    queue.expect_account(u64::from(next) - 1, 0, 0)
}

fn losses_are_told(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 4)?;
    for round in 0..3 {
        queue.triggers(7)?;
        let events = ring.drain();
        let told = if round == 0 { 0 } else { 3 };
        expect_eq("lost", losses(&events), vec![told, 0, 0, 0])?;
        let first = round * 4 + 1;
        expect_eq(
            "sequences",
            sequences(&events),
            (first..first + 4).collect(),
        )?;
    }
    queue.expect_account(12, 9, 0)
}

fn poll_goes_by_the_head(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 4)?;
    for _ in 0..3 {
        expect_eq("empty", queue.readiness()?, WRITABLE)?;
        queue.triggers(2)?;
        expect_eq("two events", queue.readiness()?, READABLE | WRITABLE)?;
        ring.take();
        expect_eq("one event", queue.readiness()?, READABLE | WRITABLE)?;
        ring.take();
    }
    expect_eq("empty", queue.readiness()?, WRITABLE)
}

fn priority_goes_by_the_head(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 4)?;
    for _ in 0..2 {
        queue.triggers(5)?;
        expect_eq(
            "after a loss",
            queue.readiness()?,
            READABLE | WRITABLE | LOSS,
        )?;
        ring.take();
        expect_eq(
            "after one was taken",
            queue.readiness()?,
            READABLE | WRITABLE,
        )?;
        ring.drain();
    }
    Ok(())
}

fn wakes_at_the_watermark(device: &Device) -> Result<()> {
    let queue = Queue::open(
        device,
        Config {
            watermark_events: 3,
            ..Default::default()
        },
    )?;
    let ring = Ring::map(&queue)?;
    for _ in 0..3 {
        let (dup, writer) = (queue.dup()?, device.open()?);
        let poller = Sleeper::spawn(move || dup.wait(PollFlags::POLLIN))?;
        for _ in 0..3 {
            poller.wait_asleep()?;
            writer.trigger()?;
        }
        poller.join()??;
        expect_eq("events", ring.drain().len(), 3)?;
    }
    Ok(())
}

fn read_beside_it(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 4)?;
    for first in (1..40).step_by(4) {
        queue.triggers(4)?;
        let taken = [ring.take(), queue.read_records(1)?.pop(), ring.take()];
        let rest = queue.read_records(8)?;
        let events: Vec<_> = taken.into_iter().flatten().chain(rest).collect();
        expect_eq(
            "sequences",
            sequences(&events),
            (first..first + 4).collect(),
        )?;
        expect_eq("ring", ring.take(), None)?;
    }
    queue.expect_account(40, 0, 0)
}

fn two_mappings_are_one_ring(device: &Device) -> Result<()> {
    let (queue, one) = Ring::of_capacity(device, 4)?;
    let other = Ring::map(&queue)?;
    queue.triggers(4)?;
    let events = [one.take(), other.take(), one.take(), other.take()];
    let numbers: Vec<u32> = events
        .iter()
        .flatten()
        .map(|event| event.sequence)
        .collect();
    expect_eq("sequences", numbers, vec![1, 2, 3, 4])
}

/// A mapping keeps the file open: the queue exists until it is removed, too.
fn outlives_the_descriptor(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 4)?;
    let queues = device.statistic("private_queues")?;
    drop(queue);
    expect_eq(
        "private_queues",
        device.statistic("private_queues")?,
        queues,
    )?;
    device.open()?.trigger()?;
    expect_eq("sequences", sequences(&ring.drain()), vec![1])?;
    drop(ring);
    expect_eq(
        "private_queues",
        device.statistic("private_queues")?,
        queues - 1,
    )?;
    device.open()?.trigger()
}

fn ends_with_the_mapping(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 4)?;
    queue.triggers(3)?;
    ring.take();
    drop(ring);
    expect_eq("sequences", sequences(&queue.drain_records()?), vec![2, 3])?;
    queue.expect_account(3, 0, 0)
}

fn unmapping_leaves_the_queue(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 4)?;
    drop(ring);
    let ring = Ring::map(&queue)?;
    queue.triggers(2)?;
    expect_eq("sequences", sequences(&ring.drain()), vec![1, 2])?;
    expect_errno(
        "MYPOLL_CONFIGURE",
        queue.configure(Config::default()),
        Errno::EBUSY,
    )
}

fn a_child_has_the_same_ring(device: &Device) -> Result<()> {
    let (queue, ring) = Ring::of_capacity(device, 8)?;
    queue.triggers(4)?;
    ring.take();
    let child = Forked::spawn(|pipe| {
        let taken = [ring.take(), ring.take()];
        let numbers: Vec<u32> = taken.iter().flatten().map(|event| event.sequence).collect();
        say(pipe, &format!("{numbers:?}"));
    })?;
    expect_eq("the child's", child.output()?, "[2, 3]".into())?;
    ensure!(
        ring.head().load(Ordering::Relaxed) == 3,
        "seen {ring:?}, expected what the child left"
    );
    queue.trigger()?;
    expect_eq("the parent's", sequences(&ring.drain()), vec![4, 5])?;
    queue.expect_account(5, 0, 0)
}
