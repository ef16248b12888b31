// SPDX-License-Identifier: MIT OR Apache-2.0

//! Losses of a full queue, and their exact report.

use anyhow::Result;
use mypoll::uapi::{self, Config};

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::queue::{Queue, losses, sequences};

tests!("queue.overflow":
    drop_newest_keeps_the_first,
    drop_oldest_keeps_the_last,
    one_slot,
    each_loss_is_told_once,
    a_read_of_a_part_makes_room,
    two_thousand_fit_the_default,
    another_queue_loses_nothing,
);

fn config(overflow: u32, capacity: u32) -> Config {
    Config {
        capacity,
        overflow,
        ..Default::default()
    }
}

/// A queue with 4 slots that was offered 7 events, and the time stamps of all of them.
fn overflown(device: &Device, overflow: u32) -> Result<(Queue, Vec<u64>)> {
    let witness = Queue::open(device, Config::default())?;
    let queue = Queue::open(device, config(overflow, 4))?;
    queue.triggers(7)?;
    queue.expect_account(0, 3, 4)?;
    let all = witness.drain_records()?;
    Ok((queue, all.iter().map(|event| event.timestamp_ns).collect()))
}

fn drop_newest_keeps_the_first(device: &Device) -> Result<()> {
    let (queue, times) = overflown(device, uapi::OVERFLOW_DROP_NEWEST)?;
    let events = queue.drain_records()?;
    let kept: Vec<u64> = events.iter().map(|event| event.timestamp_ns).collect();
    expect_eq("time stamps", &kept[..], &times[..4])?;
    expect_eq("sequences", sequences(&events), vec![1, 2, 3, 4])?;
    expect_eq("lost", losses(&events), vec![0; 4])?;
    queue.trigger()?;
    let next = queue.next_record()?;
    expect_eq("sequence and lost", (next.sequence, next.lost), (5, 3))?;
    queue.expect_account(5, 3, 0)
}

fn drop_oldest_keeps_the_last(device: &Device) -> Result<()> {
    let (queue, times) = overflown(device, uapi::OVERFLOW_DROP_OLDEST)?;
    let events = queue.drain_records()?;
    let kept: Vec<u64> = events.iter().map(|event| event.timestamp_ns).collect();
    expect_eq("time stamps", &kept[..], &times[3..])?;
    expect_eq("sequences", sequences(&events), vec![1, 2, 3, 4])?;
    expect_eq("lost", losses(&events), vec![3, 0, 0, 0])?;
    queue.trigger()?;
    let next = queue.next_record()?;
    expect_eq("sequence and lost", (next.sequence, next.lost), (5, 0))?;
    queue.expect_account(5, 3, 0)
}

fn one_slot(device: &Device) -> Result<()> {
    for (overflow, told) in [
        (uapi::OVERFLOW_DROP_NEWEST, [0, 4, 4]),
        (uapi::OVERFLOW_DROP_OLDEST, [4, 4, 4]),
    ] {
        let queue = Queue::open(device, config(overflow, 1))?;
        for (lost, sequence) in told.into_iter().zip(1..) {
            queue.triggers(5)?;
            let event = queue.next_record()?;
            expect_eq(
                "sequence and lost",
                (event.sequence, event.lost),
                (sequence, lost),
            )?;
        }
        queue.expect_account(3, 12, 0)?;
    }
    Ok(())
}

fn each_loss_is_told_once(device: &Device) -> Result<()> {
    for overflow in [uapi::OVERFLOW_DROP_NEWEST, uapi::OVERFLOW_DROP_OLDEST] {
        for capacity in [1, 2, 3, 8] {
            let queue = Queue::open(device, config(overflow, capacity))?;
            let (mut offered, mut read, mut told) = (0, 0, 0);
            for count in [1, 2, 9, 3, 1, 17, 8].into_iter().cycle().take(40) {
                queue.triggers(count)?;
                offered += count as u64;
                // Sometimes read only a part.
                let events = queue.read_records(1 + count / 2)?;
                read += events.len() as u64;
                told += losses(&events).into_iter().map(u64::from).sum::<u64>();
            }
            let rest = queue.drain_records()?;
            queue.trigger()?;
            let last = queue.next_record()?;
            read += rest.len() as u64 + 1;
            told += losses(&rest).into_iter().map(u64::from).sum::<u64>() + u64::from(last.lost);
            expect_eq("sequence", u64::from(last.sequence), read)?;
            expect_eq("read and told", read + told, offered + 1)?;
            queue.expect_account(read, told, 0)?;
        }
    }
    Ok(())
}

fn a_read_of_a_part_makes_room(device: &Device) -> Result<()> {
    let queue = Queue::open(device, config(uapi::OVERFLOW_DROP_NEWEST, 4))?;
    queue.triggers(5)?;
    queue.read_records(2)?;
    queue.triggers(3)?;
    let events = queue.drain_records()?;
    expect_eq("sequences", sequences(&events), vec![3, 4, 5, 6])?;
    expect_eq("lost", losses(&events), vec![0, 0, 1, 0])?;
    queue.expect_account(6, 2, 0)
}

/// The GPIO character device with its largest buffer loses half of these.
fn two_thousand_fit_the_default(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    queue.triggers(2000)?;
    queue.expect_account(0, 0, 2000)?;
    let events = queue.read_records(4096)?;
    expect_eq("sequences", sequences(&events), (1..=2000).collect())
}

fn another_queue_loses_nothing(device: &Device) -> Result<()> {
    let large = Queue::open(device, Config::default())?;
    let small = Queue::open(device, config(uapi::OVERFLOW_DROP_NEWEST, 1))?;
    large.triggers(100)?;
    small.expect_account(0, 99, 1)?;
    large.expect_account(0, 0, 100)
}
