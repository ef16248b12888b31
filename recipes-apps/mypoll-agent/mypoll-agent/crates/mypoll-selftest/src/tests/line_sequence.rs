// SPDX-License-Identifier: MIT OR Apache-2.0

//! The sequence numbers of each line's events.

use anyhow::{Context, Result};
use mypoll::uapi::{self, Config, Event};

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::queue::{Queue, only_line};
use crate::sim_line::SimLine;

tests!("line_sequence":
    begins_with_the_line,
    counts_each_event_of_the_line,
    is_0_for_other_sources,
    shows_what_a_filter_left_out,
    shows_what_a_full_queue_lost,
    goes_on_where_no_queue_looks,
    leaves_out_what_is_not_reported,
);

fn of_line(device: &Device, line: &SimLine, kinds: u32) -> Result<Queue> {
    Queue::open(
        device,
        Config {
            lines: only_line(line.number),
            sources: 1 << uapi::SOURCE_GPIO,
            kinds,
            ..Config::default()
        },
    )
}

fn numbers(events: &[Event]) -> Vec<u32> {
    events.iter().map(|event| event.line_sequence).collect()
}

/// The newest number in the line's structure.
fn newest(device: &Device, line: &SimLine) -> Result<u32> {
    let info = device.open()?.line_info(line.number);
    Ok(info.context("MYPOLL_GET_LINE")?.line_sequence)
}

fn begins_with_the_line(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let queue = of_line(device, &line, 0)?;
    let binding = device.binding()?;
    binding.unbind()?;
    queue.drain_records()?;
    for _ in 0..2 {
        binding.bind()?;
        expect_eq("newest", newest(device, &line)?, 1)?;
        line.press()?;
        line.release()?;
        expect_eq("newest", newest(device, &line)?, 3)?;
        binding.unbind()?;
        let events = queue.drain_records()?;
        let kinds: Vec<u16> = events.iter().map(|event| event.kind).collect();
        expect_eq(
            "kinds",
            kinds,
            vec![
                uapi::KIND_ADDED,
                uapi::KIND_RISING,
                uapi::KIND_FALLING,
                uapi::KIND_REMOVED,
            ],
        )?;
        expect_eq("line_sequence", numbers(&events), vec![1, 2, 3, 4])?;
    }
    Ok(())
}

fn counts_each_event_of_the_line(device: &Device) -> Result<()> {
    let (line, other) = (SimLine::plain(device)?, SimLine::button(device)?);
    let queue = of_line(device, &line, 0)?;
    let before = newest(device, &line)?;
    for _ in 0..5 {
        for line in [&line, &other] {
            line.press()?;
            line.release()?;
        }
    }
    expect_eq(
        "line_sequence",
        numbers(&queue.drain_records()?),
        (before + 1..=before + 10).collect(),
    )?;
    expect_eq("newest", newest(device, &line)?, before + 10)
}

fn is_0_for_other_sources(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    queue.trigger()?;
    queue.command("start 1")?;
    let events = [queue.next_record()?, queue.next_record()?];
    queue.command("stop")?;
    expect_eq(
        "sources",
        events.map(|event| event.source),
        [uapi::SOURCE_MANUAL, uapi::SOURCE_TIMER],
    )?;
    expect_eq("line_sequence", numbers(&events), vec![0, 0])
}

fn shows_what_a_filter_left_out(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let queue = of_line(device, &line, 1 << uapi::KIND_RISING)?;
    let first = newest(device, &line)? + 1;
    for _ in 0..3 {
        line.press()?;
        line.release()?;
    }
    expect_eq(
        "line_sequence",
        numbers(&queue.drain_records()?),
        vec![first, first + 2, first + 4],
    )
}

fn shows_what_a_full_queue_lost(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let first = newest(device, &line)? + 1;
    for (overflow, kept) in [
        (uapi::OVERFLOW_DROP_NEWEST, [0, 1]),
        (uapi::OVERFLOW_DROP_OLDEST, [4, 5]),
    ] {
        let before = newest(device, &line)? + 1 - first;
        let queue = Queue::open(
            device,
            Config {
                capacity: 2,
                overflow,
                ..Config::default()
            },
        )?;
        for _ in 0..3 {
            line.press()?;
            line.release()?;
        }
        expect_eq(
            "line_sequence",
            numbers(&queue.drain_records()?),
            kept.map(|index| first + before + index).to_vec(),
        )?;
    }
    Ok(())
}

fn goes_on_where_no_queue_looks(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let before = newest(device, &line)?;
    let plain = device.open_nonblocking()?;
    plain.fill()?;
    line.press()?;
    line.release()?;
    expect_eq("newest", newest(device, &line)?, before + 2)?;
    let queue = of_line(device, &line, 0)?;
    line.press()?;
    let event = queue.next_record()?;
    expect_eq("line_sequence", event.line_sequence, before + 3)
}

/// Edges that the device tree excludes are not events.
fn leaves_out_what_is_not_reported(device: &Device) -> Result<()> {
    for line in [SimLine::rising(device)?, SimLine::falling(device)?] {
        let queue = of_line(device, &line, 0)?;
        let first = newest(device, &line)? + 1;
        for _ in 0..3 {
            line.press()?;
            line.release()?;
        }
        let events = queue.drain_records()?;
        expect_eq(
            line.label(),
            numbers(&events),
            vec![first, first + 1, first + 2],
        )?;
    }
    Ok(())
}
