// SPDX-License-Identifier: MIT OR Apache-2.0

//! The results of reading a queue.

use std::io::IoSliceMut;

use anyhow::{Result, ensure};
use mypoll::uapi::{self, Config, Event};
use nix::sys::uio::readv;

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::ioctl::Plain;
use crate::queue::{Queue, RECORD, losses, sequences};
use crate::sim_line::SimLine;
use crate::sleeper::Sleeper;

tests!("queue.read":
    many_at_a_time,
    only_whole_records,
    zero_bytes,
    records_may_lie_across_buffers,
    sequence_has_no_gap_around_the_ring,
    timer_tick,
    gpio_edges,
    blocking_read_wakes,
    high_water_is_the_largest_depth,
);

/// One configuration for each overflow policy: their readers work differently.
pub(super) fn both_policies() -> [Config; 2] {
    [uapi::OVERFLOW_DROP_NEWEST, uapi::OVERFLOW_DROP_OLDEST].map(|overflow| Config {
        overflow,
        ..Default::default()
    })
}

fn many_at_a_time(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open(device, config)?;
        queue.triggers(300)?;
        expect_eq("room for 200", queue.read_records(200)?.len(), 200)?;
        let rest = queue.read_records(200)?;
        expect_eq("the rest", sequences(&rest), (201..=300).collect())?;
        ensure!(
            rest.is_sorted_by_key(|event| event.timestamp_ns),
            "seen {rest:?}, expected rising time stamps"
        );
        queue.expect_account(300, 0, 0)?;
    }
    Ok(())
}

fn only_whole_records(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open(device, config)?;
        queue.triggers(6)?;
        let mut buffer = [0xaa; 4 * RECORD];
        for (room, length) in [(RECORD, 32), (2 * RECORD - 1, 32), (3 * RECORD + 8, 96)] {
            let read = queue.read(&mut buffer[..room])?;
            expect_eq(format_args!("room for {room} bytes"), read, length)?;
        }
        expect_eq("bytes behind", &buffer[96..], &[0xaa; RECORD][..])?;
        queue.expect_account(5, 0, 1)?;
    }
    Ok(())
}

fn zero_bytes(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    expect_eq("no event", queue.read(&mut [])?, 0)?;
    queue.trigger()?;
    expect_eq("an event", queue.read(&mut [])?, 0)?;
    queue.expect_account(0, 0, 1)
}

fn records_may_lie_across_buffers(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open(device, config)?;
        queue.triggers(3)?;
        let (mut one, mut other, mut third) = ([0; 10], [0; 30], [0; 30]);
        let length = readv(
            &*queue,
            &mut [
                IoSliceMut::new(&mut one),
                IoSliceMut::new(&mut other),
                IoSliceMut::new(&mut third),
            ],
        )?;
        expect_eq("length", length, 2 * RECORD)?;
        let bytes = [&one[..], &other, &third].concat();
        let numbers = [0, RECORD].map(|at| Event::from_bytes(&bytes[at..]).sequence);
        expect_eq("sequences", numbers, [1, 2])?;
        expect_eq("next", queue.next_record()?.sequence, 3)?;
    }
    Ok(())
}

fn sequence_has_no_gap_around_the_ring(device: &Device) -> Result<()> {
    for config in both_policies() {
        for capacity in [1, 2, 3, 5, 8] {
            let queue = Queue::open(device, Config { capacity, ..config })?;
            let mut next = 1..;
            for count in (1..=capacity).cycle().take(50) {
                queue.triggers(count as usize)?;
                let events = queue.drain_records()?;
                expect_eq(
                    format_args!("sequences with a capacity of {capacity}"),
                    sequences(&events),
                    next.by_ref().take(count as usize).collect(),
                )?;
                expect_eq("lost", losses(&events), vec![0; count as usize])?;
            }
        }
    }
    Ok(())
}

fn timer_tick(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    queue.command("start 5")?;
    let (one, next) = (queue.next_record()?, queue.next_record()?);
    queue.command("stop")?;
    for event in [one, next] {
        expect_eq(
            "source and kind",
            (event.source, event.kind, event.line),
            (uapi::SOURCE_TIMER, uapi::KIND_TICK, 0),
        )?;
        ensure!(
            event.value >= 1,
            "value: seen {event:?}, expected 1 period or more"
        );
    }
    // A periodic timer: this many periods after the previous tick, except for the delay of an interrupt.
    ensure!(
        next.timestamp_ns > one.timestamp_ns,
        "seen {one:?} and {next:?}, expected a later time"
    );
    Ok(())
}

fn gpio_edges(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let queue = Queue::open(device, Config::default())?;
    for (pressed, kind) in [(true, uapi::KIND_RISING), (false, uapi::KIND_FALLING)] {
        line.set(pressed)?;
        let event = queue.next_record()?;
        expect_eq(
            "source, kind, line and value",
            (event.source, event.kind, event.line, event.value),
            (uapi::SOURCE_GPIO, kind, line.number, pressed.into()),
        )?;
    }
    Ok(())
}

fn blocking_read_wakes(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        let reader = Sleeper::spawn(move || queue.read_records(4))?;
        reader.wait_asleep()?;
        device.open()?.trigger()?;
        expect_eq("sequences", sequences(&reader.join()??), vec![1])?;
    }
    Ok(())
}

fn high_water_is_the_largest_depth(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open(
            device,
            Config {
                capacity: 8,
                ..config
            },
        )?;
        for (count, high_water) in [(3, 3), (2, 3), (5, 5), (9, 8), (1, 8)] {
            queue.triggers(count)?;
            expect_eq("high_water", queue.stats()?.high_water, high_water)?;
            queue.drain_records()?;
            expect_eq("high_water", queue.stats()?.high_water, high_water)?;
        }
    }
    Ok(())
}
