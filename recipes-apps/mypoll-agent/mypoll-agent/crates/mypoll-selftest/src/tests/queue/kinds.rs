// SPDX-License-Identifier: MIT OR Apache-2.0

//! The filter by kind.

use anyhow::Result;
use mypoll::uapi::{self, Config, Event};
use nix::errno::Errno;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::WRITABLE;
use crate::queue::{Queue, only_line, sequences};
use crate::sim_line::SimLine;

tests!("queue.kinds":
    one_edge_alone,
    lines_that_come_or_go_alone,
    triggers_or_ticks_alone,
    together_with_sources_and_lines,
    a_new_filter_holds_for_new_events,
    rejected_events_are_not_counted,
    without_triggers_a_trigger_needs_room,
);

fn of_kinds(device: &Device, kinds: &[u16]) -> Result<Queue> {
    Queue::open(
        device,
        Config {
            kinds: bits(kinds),
            ..Default::default()
        },
    )
}

fn bits(kinds: &[u16]) -> u32 {
    kinds.iter().map(|kind| 1 << kind).sum()
}

fn kinds(events: &[Event]) -> Vec<u16> {
    events.iter().map(|event| event.kind).collect()
}

fn one_edge_alone(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let both = [uapi::KIND_RISING, uapi::KIND_FALLING];
    let queues = [&both[..1], &both[1..], &both].map(|kinds| of_kinds(device, kinds));
    for _ in 0..2 {
        line.press()?;
        line.release()?;
    }
    device.open()?.trigger()?;
    let [rising, falling] = both;
    for (queue, expected) in queues.into_iter().zip([
        vec![rising; 2],
        vec![falling; 2],
        [rising, falling].repeat(2),
    ]) {
        let events = queue?.drain_records()?;
        expect_eq("kinds", kinds(&events), expected)?;
        let numbers = (1..).take(events.len()).collect();
        expect_eq("sequences", sequences(&events), numbers)?;
    }
    Ok(())
}

fn lines_that_come_or_go_alone(device: &Device) -> Result<()> {
    let lines = device.lines()?.len();
    let binding = device.binding()?;
    let added = of_kinds(device, &[uapi::KIND_ADDED])?;
    let removed = of_kinds(device, &[uapi::KIND_REMOVED])?;
    for _ in 0..2 {
        binding.unbind()?;
        binding.bind()?;
    }
    expect_eq(
        "added",
        kinds(&added.drain_records()?),
        vec![uapi::KIND_ADDED; 2 * lines],
    )?;
    expect_eq(
        "removed",
        kinds(&removed.drain_records()?),
        vec![uapi::KIND_REMOVED; 2 * lines],
    )
}

fn triggers_or_ticks_alone(device: &Device) -> Result<()> {
    let triggers = of_kinds(device, &[uapi::KIND_TRIGGER])?;
    let ticks = of_kinds(device, &[uapi::KIND_TICK])?;
    triggers.command("start 1")?;
    triggers.triggers(3)?;
    expect_eq("kind", ticks.next_record()?.kind, uapi::KIND_TICK)?;
    triggers.command("stop")?;
    let seen = kinds(&triggers.drain_records()?);
    expect_eq("kinds", seen, vec![uapi::KIND_TRIGGER; 3])?;
    for event in ticks.drain_records()? {
        expect_eq("kind", event.kind, uapi::KIND_TICK)?;
    }
    Ok(())
}

/// An event must match each filter.
fn together_with_sources_and_lines(device: &Device) -> Result<()> {
    let (line, other) = (SimLine::plain(device)?, SimLine::button(device)?);
    let rising = bits(&[uapi::KIND_RISING]);
    let none = Queue::open(
        device,
        Config {
            sources: 1 << uapi::SOURCE_MANUAL,
            kinds: rising,
            ..Default::default()
        },
    )?;
    let one = Queue::open(
        device,
        Config {
            kinds: rising,
            lines: only_line(line.number),
            ..Default::default()
        },
    )?;
    for line in [&line, &other] {
        line.press()?;
        line.release()?;
    }
    none.trigger()?;
    none.expect_account(0, 0, 0)?;
    let events = one.drain_records()?;
    let seen: Vec<(u16, u32)> = events
        .iter()
        .map(|event| (event.kind, event.line))
        .collect();
    expect_eq("events", seen, vec![(uapi::KIND_RISING, line.number)])
}

fn a_new_filter_holds_for_new_events(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let queue = of_kinds(device, &[uapi::KIND_RISING])?;
    let change = |line: &SimLine| line.press().and_then(|()| line.release());
    change(&line)?;
    queue.configure(Config {
        kinds: bits(&[uapi::KIND_FALLING]),
        ..Default::default()
    })?;
    change(&line)?;
    queue.configure(Config::default())?;
    change(&line)?;
    let (rising, falling) = (uapi::KIND_RISING, uapi::KIND_FALLING);
    expect_eq(
        "kinds",
        kinds(&queue.drain_records()?),
        vec![rising, falling, rising, falling],
    )
}

fn rejected_events_are_not_counted(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let queue = Queue::open(
        device,
        Config {
            capacity: 2,
            kinds: bits(&[uapi::KIND_FALLING]),
            ..Default::default()
        },
    )?;
    for _ in 0..5 {
        line.press()?;
        line.release()?;
        queue.trigger()?;
    }
    queue.expect_account(0, 3, 2)
}

fn without_triggers_a_trigger_needs_room(device: &Device) -> Result<()> {
    let edges = of_kinds(device, &[uapi::KIND_RISING, uapi::KIND_FALLING])?;
    device.open()?.fill()?;
    expect_errno("write", edges.write("trigger"), Errno::ENOBUFS)?;
    let writable = |file: &Queue| -> Result<bool> { Ok(file.readiness()?.contains(WRITABLE)) };
    expect_eq("POLLOUT", writable(&edges)?, false)?;
    let triggers = of_kinds(device, &[uapi::KIND_TRIGGER])?;
    expect_eq("POLLOUT", writable(&edges)?, true)?;
    edges.trigger()?;
    triggers.expect_account(0, 0, 1)
}
