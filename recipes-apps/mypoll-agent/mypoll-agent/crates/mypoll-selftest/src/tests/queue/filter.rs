// SPDX-License-Identifier: MIT OR Apache-2.0

//! Filters by source and by line: rejected events are in no account.

use anyhow::{Result, ensure};
use mypoll::uapi::{self, Config, Event, LineSet};
use nix::errno::Errno;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::WRITABLE;
use crate::queue::{Queue, only_line, sequences};
use crate::sim_line::SimLine;

tests!("queue.filter":
    by_source,
    by_line,
    a_line_filter_leaves_other_sources_alone,
    rejected_events_are_not_counted,
    trigger_needs_room_where_no_queue_wants_it,
    writable_where_a_queue_wants_triggers,
);

fn of_source(device: &Device, source: u16) -> Result<Queue> {
    Queue::open(
        device,
        Config {
            sources: 1 << source,
            ..Default::default()
        },
    )
}

fn expect_only(events: &[Event], wanted: impl Fn(&Event) -> bool) -> Result<()> {
    ensure!(!events.is_empty(), "seen no event, expected some");
    ensure!(
        events.iter().all(wanted),
        "seen {events:?}, expected none but of the filter"
    );
    expect_eq(
        "sequences",
        sequences(events),
        (1..).take(events.len()).collect(),
    )
}

fn by_source(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let sources = [uapi::SOURCE_MANUAL, uapi::SOURCE_TIMER, uapi::SOURCE_GPIO];
    let queues = sources
        .map(|source| of_source(device, source).map(|queue| (source, queue)))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let both = Queue::open(
        device,
        Config {
            sources: 1 << uapi::SOURCE_MANUAL | 1 << uapi::SOURCE_GPIO,
            ..Default::default()
        },
    )?;

    let (_, timer) = &queues[1];
    timer.command("start 1")?;
    timer.next_record()?;
    timer.triggers(3)?;
    line.press()?;
    line.release()?;
    let tick = timer.next_record()?;
    expect_eq("second tick", tick.sequence, 2)?;
    timer.command("stop")?;

    expect_only(&both.drain_records()?, |event| {
        event.source != uapi::SOURCE_TIMER
    })?;
    for (source, queue) in queues {
        let events = queue.drain_records()?;
        if source == uapi::SOURCE_TIMER {
            // Two ticks were read; whether more arrived depends on the time.
            ensure!(
                events.iter().all(|event| event.source == source),
                "seen {events:?}, expected ticks"
            );
        } else {
            expect_only(&events, |event| event.source == source)?;
        }
    }
    Ok(())
}

fn of_line(device: &Device, lines: LineSet) -> Result<Queue> {
    Queue::open(
        device,
        Config {
            sources: 1 << uapi::SOURCE_GPIO,
            lines,
            ..Default::default()
        },
    )
}

fn by_line(device: &Device) -> Result<()> {
    let lines = [SimLine::plain(device)?, SimLine::button(device)?];
    let all = of_line(device, LineSet::default())?;
    let none = of_line(device, only_line(1023))?;
    let one_each = lines
        .iter()
        .map(|line| of_line(device, only_line(line.number)))
        .collect::<Result<Vec<_>>>()?;
    for line in &lines {
        line.press()?;
        line.release()?;
    }
    for (line, queue) in lines.iter().zip(&one_each) {
        let events = queue.drain_records()?;
        expect_eq("events", events.len(), 2)?;
        expect_only(&events, |event| event.line == line.number)?;
    }
    expect_eq("events of all lines", all.drain_records()?.len(), 4)?;
    none.expect_account(0, 0, 0)
}

fn a_line_filter_leaves_other_sources_alone(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let queue = Queue::open(
        device,
        Config {
            lines: only_line(1023),
            ..Default::default()
        },
    )?;
    line.press()?;
    queue.trigger()?;
    line.release()?;
    let events = queue.drain_records()?;
    expect_eq("events", events.len(), 1)?;
    expect_eq("source", events[0].source, uapi::SOURCE_MANUAL)
}

fn rejected_events_are_not_counted(device: &Device) -> Result<()> {
    let queue = of_source(device, uapi::SOURCE_TIMER)?;
    queue.triggers(10)?;
    expect_eq("generated", queue.stats()?.generated, 0)?;
    expect_errno("read", queue.read_records(1), Errno::EAGAIN)
}

/// Fills the shared queue.
fn fill_shared(device: &Device) -> Result<()> {
    device.open()?.fill()?;
    expect_eq(
        "queue_depth",
        device.stats()?.queue_depth as usize,
        device.capacity()?,
    )
}

fn trigger_needs_room_where_no_queue_wants_it(device: &Device) -> Result<()> {
    let timer_only = of_source(device, uapi::SOURCE_TIMER)?;
    fill_shared(device)?;
    expect_errno("write", timer_only.write("trigger"), Errno::ENOBUFS)?;
    expect_eq("dropped", device.stats()?.dropped, 0)?;

    let wants = Queue::open(
        device,
        Config {
            capacity: 1,
            ..Default::default()
        },
    )?;
    // Even if its own queue is full: there it is lost, and counted.
    for file in [&*timer_only, &*wants, &device.open_nonblocking()?] {
        file.trigger()?;
    }
    wants.expect_account(0, 2, 1)?;
    expect_eq("dropped", device.stats()?.dropped, 3)?;

    drop(wants);
    expect_errno("write", timer_only.write("trigger"), Errno::ENOBUFS)?;
    expect_eq("dropped", device.stats()?.dropped, 3)
}

fn writable_where_a_queue_wants_triggers(device: &Device) -> Result<()> {
    let plain = device.open_nonblocking()?;
    let timer_only = of_source(device, uapi::SOURCE_TIMER)?;
    let expect = |what, writable| -> Result<()> {
        for file in [&plain, &*timer_only] {
            expect_eq(what, file.readiness()?.contains(WRITABLE), writable)?;
        }
        Ok(())
    };
    expect("with room", true)?;
    fill_shared(device)?;
    expect("when the shared queue is full", false)?;
    let wants = Queue::open(device, Config::default())?;
    expect("with a queue that wants triggers", true)?;
    drop(wants);
    expect("without it", false)
}
