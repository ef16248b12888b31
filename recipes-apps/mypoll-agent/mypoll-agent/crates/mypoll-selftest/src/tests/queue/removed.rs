// SPDX-License-Identifier: MIT OR Apache-2.0

//! The removal of each line is reported, even by a full queue that drops the newest events.

use std::sync::atomic::Ordering;

use anyhow::{Context, Result, ensure};
use mypoll::uapi::{self, Config, Event};
use nix::poll::PollFlags;

use super::clock::tell_clocks_apart;
use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::mapping::Ring;
use crate::queue::{Queue, losses, only_line, sequences};
use crate::sleeper::Sleeper;

tests!("queue.removed":
    follows_what_a_full_queue_holds,
    follows_in_a_mapped_ring,
    follows_for_a_blocking_reader,
    follows_after_a_larger_capacity,
    precedes_what_comes_later,
    is_told_before_the_line_is_added_again,
    is_told_however_often_it_went,
    says_when_it_went,
    is_not_owed_to_a_filter_that_leaves_it_out,
);

fn line_numbers(device: &Device) -> Result<Vec<u32>> {
    let mut numbers: Vec<u32> = device.lines()?.iter().map(|line| line.number).collect();
    numbers.sort_unstable();
    ensure!(
        numbers.len() > 2,
        "too few lines for this test: {numbers:?}"
    );
    Ok(numbers)
}

/// The removed lines.
fn removed(events: &[Event]) -> Vec<u32> {
    let mut numbers: Vec<u32> = events
        .iter()
        .filter(|event| event.kind == uapi::KIND_REMOVED)
        .map(|event| event.line)
        .collect();
    numbers.sort_unstable();
    numbers
}

/// A full queue of one event, and the lines that were removed since.
fn full_queue(device: &Device) -> Result<(Queue, Vec<u32>)> {
    let numbers = line_numbers(device)?;
    let queue = Queue::of_capacity(device, 1)?;
    queue.trigger()?;
    device.binding()?.unbind()?;
    Ok((queue, numbers))
}

fn follows_what_a_full_queue_holds(device: &Device) -> Result<()> {
    let (queue, lines) = full_queue(device)?;
    let mut events = Vec::new();
    for _ in 0..=lines.len() {
        let ready = queue.wait_at_most(5000)?;
        expect_eq("poll", ready, PollFlags::POLLIN)?;
        queue.stats()?;
        events.extend(queue.read_records(4)?);
    }
    expect_eq("first", events[0].kind, uapi::KIND_TRIGGER)?;
    expect_eq("lines", removed(&events), lines.clone())?;
    expect_eq(
        "sequences",
        sequences(&events),
        (1..).take(events.len()).collect(),
    )?;
    expect_eq("lost", losses(&events).iter().sum(), 0)?;
    queue.expect_account(1 + lines.len() as u64, 0, 0)
}

/// The program takes events without a system call, and polls when none are left.
fn follows_in_a_mapped_ring(device: &Device) -> Result<()> {
    let numbers = line_numbers(device)?;
    let (queue, ring) = Ring::of_capacity(device, 1)?;
    queue.trigger()?;
    device.binding()?.unbind()?;
    let mut events = Vec::new();
    for _ in 0..=numbers.len() {
        let ready = queue.wait_at_most(5000)?;
        expect_eq("poll", ready, PollFlags::POLLIN)?;
        events.extend(ring.drain());
    }
    expect_eq("lines", removed(&events), numbers)?;
    expect_eq("head", ring.head().load(Ordering::Relaxed), ring.tail())
}

fn follows_for_a_blocking_reader(device: &Device) -> Result<()> {
    let numbers = line_numbers(device)?;
    let config = Config {
        capacity: 1,
        ..Config::default()
    };
    let queue = Queue::open_blocking(device, config)?;
    queue.trigger()?;
    device.binding()?.unbind()?;
    let count = 1 + numbers.len();
    let reader = Sleeper::spawn(move || {
        (0..count)
            .map(|_| queue.read_records(4))
            .collect::<nix::Result<Vec<_>>>()
    })?;
    let events = reader.join()?.context("read")?.concat();
    expect_eq("lines", removed(&events), numbers)
}

fn follows_after_a_larger_capacity(device: &Device) -> Result<()> {
    for overflow in [uapi::OVERFLOW_DROP_NEWEST, uapi::OVERFLOW_DROP_OLDEST] {
        let (queue, lines) = full_queue(device)?;
        queue.configure(Config {
            overflow,
            ..Config::default()
        })?;
        expect_eq("lines", removed(&queue.drain_records()?), lines)?;
        device.binding()?.bind()?;
    }
    Ok(())
}

/// A later event does not overtake a line's removal when there is room again.
fn precedes_what_comes_later(device: &Device) -> Result<()> {
    let lines = line_numbers(device)?;
    let (queue, ring) = Ring::of_capacity(device, 2)?;
    queue.triggers(2)?;
    device.binding()?.unbind()?;
    let mut events = ring.drain();
    for _ in 0..lines.len() {
        queue.trigger()?;
        events.extend(ring.drain());
    }
    queue.wait_at_most(0)?;
    events.extend(ring.drain());
    expect_eq("lines", removed(&events), lines.clone())?;
    let kinds: Vec<u16> = events.iter().map(|event| event.kind).collect();
    let first = kinds.iter().rposition(|kind| *kind == uapi::KIND_REMOVED);
    ensure!(
        kinds[2] == uapi::KIND_REMOVED && first.is_some(),
        "seen kinds {kinds:?}, expected a removal after the first two"
    );
    let told: u32 = losses(&events).iter().sum();
    queue.trigger()?;
    let last = ring.take().context("the last event")?;
    expect_eq(
        "told and lost",
        u64::from(told + last.lost),
        queue.stats()?.lost,
    )
}

fn is_told_before_the_line_is_added_again(device: &Device) -> Result<()> {
    let (queue, lines) = full_queue(device)?;
    device.binding()?.bind()?;
    let mut events = queue.drain_records()?;
    queue.trigger()?;
    events.extend(queue.drain_records()?);
    expect_eq("lines", removed(&events), lines.clone())?;
    for line in lines {
        let mut of_line = events
            .iter()
            .filter(|event| event.source == uapi::SOURCE_GPIO && event.line == line)
            .map(|event| event.kind);
        expect_eq("first", of_line.next(), Some(uapi::KIND_REMOVED))?;
    }
    let told: u32 = losses(&events).iter().sum();
    expect_eq("told and lost", u64::from(told), queue.stats()?.lost)
}

/// At least once per line; the number of removals does not matter to a late reader.
fn is_told_however_often_it_went(device: &Device) -> Result<()> {
    let (queue, lines) = full_queue(device)?;
    for _ in 0..3 {
        device.binding()?.bind()?;
        device.binding()?.unbind()?;
    }
    let mut seen = removed(&queue.drain_records()?);
    seen.dedup();
    expect_eq("lines", seen, lines)
}

/// With the queue's clock and the line's sequence number, like in a queue with room.
fn says_when_it_went(device: &Device) -> Result<()> {
    tell_clocks_apart()?;
    for clock in [uapi::CLOCK_MONOTONIC, uapi::CLOCK_REALTIME] {
        let of_capacity = |capacity| {
            let config = Config {
                capacity,
                clock,
                ..Config::default()
            };
            Queue::open(device, config)
        };
        let (full, witness) = (of_capacity(1)?, of_capacity(0)?);
        full.trigger()?;
        device.binding()?.unbind()?;
        let told = |queue: &Queue| -> Result<Vec<(u32, u64, u32)>> {
            let events = queue.drain_records()?;
            let mut told: Vec<_> = events
                .iter()
                .filter(|event| event.kind == uapi::KIND_REMOVED)
                .map(|event| (event.line, event.timestamp_ns, event.line_sequence))
                .collect();
            told.sort_unstable();
            Ok(told)
        };
        expect_eq("lines", told(&full)?, told(&witness)?)?;
        device.binding()?.bind()?;
    }
    Ok(())
}

fn is_not_owed_to_a_filter_that_leaves_it_out(device: &Device) -> Result<()> {
    let numbers = line_numbers(device)?;
    let zero = Config {
        capacity: 1,
        ..Config::default()
    };
    let kinds = Queue::open(
        device,
        Config {
            kinds: !(1 << uapi::KIND_REMOVED) & 0b111_1110,
            ..zero
        },
    )?;
    let line = Queue::open(
        device,
        Config {
            lines: only_line(numbers[1]),
            ..zero
        },
    )?;
    kinds.trigger()?;
    device.binding()?.unbind()?;
    expect_eq("lines", removed(&kinds.drain_records()?), vec![])?;
    let of_one = removed(&line.drain_records()?);
    expect_eq("lines", of_one, vec![numbers[1]])
}
