// SPDX-License-Identifier: MIT OR Apache-2.0

//! The tracepoints.

use anyhow::{Result, ensure};
use mypoll::uapi::Config;

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::queue::Queue;
use crate::sim_line::SimLine;
use crate::tracing::Tracing;

tests!("trace":
    each_edge,
    each_event_queued,
    each_event_dropped,
    each_read,
    nothing_when_off,
);

/// Expects the numbers as words of a line, in any format.
fn expect_numbers(line: &str, numbers: &[u32]) -> Result<()> {
    let words: Vec<&str> = line
        .split(|character: char| !character.is_ascii_digit())
        .collect();
    for number in numbers {
        ensure!(
            words.contains(&number.to_string().as_str()),
            "seen {line:?}, expected {number} in it"
        );
    }
    Ok(())
}

fn each_edge(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let tracing = Tracing::new(&["mypoll_edge"])?;
    for pressed in [true, false, true] {
        line.set(pressed)?;
    }
    let lines = tracing.lines("mypoll_edge")?;
    expect_eq(format_args!("edges of {lines:?}"), lines.len(), 3)?;
    lines
        .iter()
        .try_for_each(|text| expect_numbers(text, &[line.number]))
}

fn each_event_queued(device: &Device) -> Result<()> {
    let tracing = Tracing::new(&["mypoll_queued"])?;
    let plain = device.open_nonblocking()?;
    for _ in 0..3 {
        plain.trigger()?;
    }
    let alone = tracing.lines("mypoll_queued")?;
    expect_eq(format_args!("events of {alone:?}"), alone.len(), 3)?;
    let queue = Queue::open(device, Config::default())?;
    plain.trigger()?;
    let lines = tracing.lines("mypoll_queued")?;
    expect_eq(format_args!("events of {lines:?}"), lines.len(), 4)?;
    queue.expect_account(0, 0, 1)
}

fn each_event_dropped(device: &Device) -> Result<()> {
    let tracing = Tracing::new(&["mypoll_dropped"])?;
    let queue = Queue::of_capacity(device, 2)?;
    queue.triggers(2)?;
    expect_eq("none so far", tracing.lines("mypoll_dropped")?, Vec::new())?;
    queue.triggers(3)?;
    let lines = tracing.lines("mypoll_dropped")?;
    expect_eq(format_args!("drops of {lines:?}"), lines.len(), 3)
}

fn each_read(device: &Device) -> Result<()> {
    let tracing = Tracing::new(&["mypoll_read"])?;
    let queue = Queue::open(device, Config::default())?;
    let plain = device.open_nonblocking()?;
    queue.triggers(3)?;
    expect_eq("none so far", tracing.lines("mypoll_read")?, Vec::new())?;
    queue.read_records(8)?;
    let of_queue = tracing.lines("mypoll_read")?;
    expect_eq(format_args!("reads of {of_queue:?}"), of_queue.len(), 1)?;
    plain.event()?;
    let both = tracing.lines("mypoll_read")?;
    expect_eq(format_args!("reads of {both:?}"), both.len(), 2)
}

fn nothing_when_off(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    drop(Tracing::new(&["mypoll_edge", "mypoll_queued"])?);
    let tracing = Tracing::new(&[])?;
    line.press()?;
    for event in ["mypoll_edge", "mypoll_queued"] {
        expect_eq(event, tracing.lines(event)?, Vec::new())?;
    }
    Ok(())
}
