// SPDX-License-Identifier: MIT OR Apache-2.0

//! Presses of gpio-sim lines.

use std::ops::RangeInclusive;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::event::Event;
use crate::handle::Handle;
use crate::sim_line::{SimLine, now_ns};
use crate::sleeper::Sleeper;

tests!("gpio":
    press_and_release_give_an_event_each,
    timestamp_lies_around_the_press,
    press_wakes_a_blocking_read,
    press_wakes_epoll,
    many_edges_keep_their_order,
    edges_among_ticks_and_triggers,
    level_that_does_not_change_gives_no_event,
    bounces_give_one_event,
    glitch_gives_no_event,
    debounced_line_reports_the_chosen_edge_alone,
);

/// Expects the values of an edge of a line.
pub(super) fn expect_edge(event: &Event, line: &SimLine, pressed: bool) -> Result<()> {
    expect_eq(
        "source, kind, line, value",
        (
            event.source.as_str(),
            event.kind.as_str(),
            event.line,
            event.value,
        ),
        (
            "gpio",
            if pressed { "rising" } else { "falling" },
            line.number,
            pressed.into(),
        ),
    )
}

fn press_and_release_give_an_event_each(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    line.press()?;
    expect_edge(&handle.next_event()?, &line, true)?;
    line.release()?;
    expect_edge(&handle.next_event()?, &line, false)?;
    expect_eq("further events", handle.drain()?.len(), 0)
}

fn timestamp_lies_around_the_press(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    for pressed in [true, false, true, false] {
        let before = now_ns()?;
        line.set(pressed)?;
        let stamp = handle.next_event()?.timestamp_ns;
        let after = now_ns()?;
        ensure!(
            (before..=after).contains(&stamp),
            "timestamp_ns: seen {stamp}, expected {before} to {after}"
        );
    }
    Ok(())
}

fn press_wakes_a_blocking_read(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open()?;
    let reader = Sleeper::spawn(move || handle.event())?;
    reader.wait_asleep()?;
    line.press()?;
    expect_edge(&reader.join()??, &line, true)
}

fn press_wakes_epoll(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    epoll.add(
        &handle,
        EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0),
    )?;
    let waiter =
        Sleeper::spawn(move || epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::NONE))?;
    waiter.wait_asleep()?;
    line.press()?;
    expect_eq("epoll_wait", waiter.join()?, Ok(1))?;
    expect_edge(&handle.event()?, &line, true)
}

fn many_edges_keep_their_order(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    let mut stamp = now_ns()?;
    for _ in 0..20 {
        for _ in 0..4 {
            line.press()?;
            line.release()?;
        }
        for pressed in [true, false].repeat(4) {
            let event = handle.next_event()?;
            expect_edge(&event, &line, pressed)?;
            ensure!(
                event.timestamp_ns > stamp,
                "timestamp_ns: seen {} after {stamp}, expected them to rise",
                event.timestamp_ns
            );
            stamp = event.timestamp_ns;
        }
    }
    Ok(())
}

/// Presses, triggers and releases 50 times while the timer runs. `None` if a delay let the queue overflow.
fn rounds_among_ticks(
    device: &Device,
    handle: &Handle,
    line: &SimLine,
    period_ms: u32,
) -> Result<Option<Vec<Event>>> {
    handle.command(&format!("start {period_ms}"))?;
    let mut events = Vec::new();
    for _ in 0..50 {
        line.press()?;
        match handle.write("trigger") {
            Err(Errno::ENOBUFS) => return Ok(None),
            written => drop(written.context("trigger")?),
        }
        line.release()?;
        events.extend(handle.drain()?);
    }
    handle.command("stop")?;
    events.extend(handle.drain()?);
    Ok((device.stats()?.dropped == 0).then_some(events))
}

/// Interrupts, the timer and writes fill the queue together: all events of each source arrive, in order.
fn edges_among_ticks_and_triggers(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    let mut period = 3;
    let (first, events) = loop {
        let first = device.stats()?.event_sequence + 1;
        if let Some(events) = rounds_among_ticks(device, &handle, &line, period)? {
            break (first, events);
        }
        // Consume the loss report, and restore the line.
        device.settle()?;
        period *= 2;
    };
    let edge = |event: &&Event| event.source == "gpio";
    expect_eq("edges", events.iter().filter(edge).count(), 100)?;
    let numbers: Vec<u32> = events.iter().map(|event| event.event).collect();
    expect_eq("events", numbers, (first..).take(events.len()).collect())?;
    for (index, event) in events.iter().filter(edge).enumerate() {
        expect_edge(event, &line, index % 2 == 0)?;
    }
    let manual = events
        .iter()
        .filter(|event| event.source == "manual")
        .count();
    expect_eq("manual events", manual, 50)
}

fn level_that_does_not_change_gives_no_event(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    line.release()?;
    line.press()?;
    line.press()?;
    line.release()?;
    expect_edge(&handle.next_event()?, &line, true)?;
    expect_edge(&handle.next_event()?, &line, false)?;
    handle.expect_silence(50)
}

/// Less than the lines' `debounce-interval` of 50 ms.
const BOUNCE_NS: u64 = 40_000_000;

/// Sets the line to these levels in turn. Returns the times around the first edge; `None` if the line kept a level for
/// so long, on a busy machine, that it may have counted as quiet.
fn bounce_once(line: &SimLine, levels: &[bool]) -> Result<Option<RangeInclusive<u64>>> {
    let mut edges = Vec::new();
    for level in levels {
        let before = now_ns()?;
        line.set(*level)?;
        edges.push(before..=now_ns()?);
    }
    let bounced = edges
        .windows(2)
        .all(|pair| pair[1].end() - pair[0].start() < BOUNCE_NS);
    Ok(edges.into_iter().next().filter(|_| bounced))
}

/// Presses and releases in turn, ending with the level `last`; repeats this until the line was never quiet in between.
/// Returns the times around the first edge.
fn bounce(device: &Device, line: &SimLine, last: bool) -> Result<RangeInclusive<u64>> {
    let handle = device.open_nonblocking()?;
    loop {
        let levels = [last, !last, last, !last, last, !last, last];
        if let Some(first_edge) = bounce_once(line, &levels)? {
            return Ok(first_edge);
        }
        line.set(!last)?;
        handle.drain_until_quiet()?;
    }
}

fn bounces_give_one_event(device: &Device) -> Result<()> {
    let line = SimLine::debounced(device)?;
    let handle = device.open_nonblocking()?;
    for pressed in [true, false, true, false] {
        let first_edge = bounce(device, &line, pressed)?;
        let event = handle.next_event()?;
        expect_edge(&event, &line, pressed)?;
        ensure!(
            first_edge.contains(&event.timestamp_ns),
            "timestamp_ns: seen {}, expected {first_edge:?}, around the first edge",
            event.timestamp_ns
        );
        handle.expect_silence(100)?;
    }
    Ok(())
}

/// The level is the same before and after: neither a press nor a release.
fn glitch_gives_no_event(device: &Device) -> Result<()> {
    let line = SimLine::debounced(device)?;
    let handle = device.open_nonblocking()?;
    while bounce_once(&line, &[true, false])?.is_none() {
        handle.drain_until_quiet()?;
    }
    handle.expect_silence(100)?;
    let before = now_ns()?;
    line.press()?;
    let event = handle.next_event()?;
    expect_edge(&event, &line, true)?;
    ensure!(
        event.timestamp_ns >= before,
        "timestamp_ns: seen the glitch's"
    );
    Ok(())
}

fn debounced_line_reports_the_chosen_edge_alone(device: &Device) -> Result<()> {
    let line = SimLine::debounced_falling(device)?;
    let handle = device.open_nonblocking()?;
    for _ in 0..2 {
        bounce(device, &line, true)?;
        handle.expect_silence(100)?;
        let first_edge = bounce(device, &line, false)?;
        let event = handle.next_event()?;
        expect_edge(&event, &line, false)?;
        ensure!(
            first_edge.contains(&event.timestamp_ns),
            "timestamp_ns: seen {}, expected {first_edge:?}, around the first edge",
            event.timestamp_ns
        );
        handle.expect_silence(100)?;
    }
    Ok(())
}
