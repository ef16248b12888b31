// SPDX-License-Identifier: MIT OR Apache-2.0

//! Removing and adding the GPIO lines, by unbinding and binding the platform device.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use mypoll::uapi::{self, Config};
use nix::poll::PollFlags;

use super::gpio::expect_edge;
use super::tests;
use crate::check::{expect_eq, rounds};
use crate::device::Device;
use crate::event::Event;
use crate::queue::Queue;
use crate::sim_line::{ChipAway, SimLine, now_ns};
use crate::sleeper::Sleeper;

tests!("binding":
    unbind_takes_the_lines_away,
    each_line_that_goes_away_is_an_event,
    removals_follow_what_a_full_queue_holds,
    chip_that_goes_away_takes_the_lines_along,
    no_edge_follows_a_line_s_removal,
    removal_wakes_a_sleeping_reader,
    each_line_that_comes_is_an_event,
    added_tells_the_level,
    unbind_keeps_queued_events,
    bind_gives_the_lines_the_same_numbers,
    lines_work_again_after_bind,
    line_that_is_listed_reports_its_edges,
    timer_runs_on_through_unbind,
    repeatedly_while_edges_come,
);

fn unbind_takes_the_lines_away(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    device.binding()?.unbind()?;
    expect_eq("lines", device.lines()?, Vec::new())?;
    handle.drain()?;
    line.press()?;
    line.release()?;
    handle.expect_silence(50)
}

fn each_line_that_goes_away_is_an_event(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let (lines, period) = unbind(device)?;
    expect_removals(&handle.drain()?, lines, &period)
}

/// Removals take no event's place, and do not count as losses.
fn removals_follow_what_a_full_queue_holds(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let held = handle.fill()?;
    let (lines, period) = unbind(device)?;
    let events = handle.drain()?;
    let lost: u32 = events.iter().map(|event| event.lost).sum();
    expect_eq("lost, dropped", (lost, device.stats()?.dropped), (0, 0))?;
    let (first, removed) = events.split_at(held.min(events.len()));
    for event in first {
        expect_eq("source", event.source.as_str(), "manual")?;
    }
    expect_removals(removed, lines, &period)
}

/// Unbinds the driver; returns the numbers of the removed lines, and the period of their removal.
fn unbind(device: &Device) -> Result<(Vec<u32>, RangeInclusive<u64>)> {
    let lines = device.lines()?.iter().map(|line| line.number).collect();
    let before = now_ns()?;
    device.binding()?.unbind()?;
    Ok((lines, before..=now_ns()?))
}

/// Expects one removal of each line, in that period.
fn expect_removals(events: &[Event], lines: Vec<u32>, period: &RangeInclusive<u64>) -> Result<()> {
    let mut numbers = Vec::new();
    for event in events {
        expect_eq(
            "source, kind, value",
            (event.source.as_str(), event.kind.as_str(), event.value),
            ("gpio", "removed", 0),
        )?;
        ensure!(
            period.contains(&event.timestamp_ns),
            "timestamp_ns: seen {}, expected {} to {}",
            event.timestamp_ns,
            period.start(),
            period.end()
        );
        numbers.push(event.line);
    }
    numbers.sort_unstable();
    expect_eq("numbers of the lines", numbers, lines)
}

/// All lines of the device, even those on other chips; they return with the chip.
fn chip_that_goes_away_takes_the_lines_along(device: &Device) -> Result<()> {
    let lines = device.lines()?;
    let handle = device.open_nonblocking()?;
    let away = ChipAway::new()?;
    expect_eq("lines", device.lines()?, Vec::new())?;
    let removed = handle.drain()?;
    expect_eq("events", removed.len(), lines.len())?;
    for event in removed {
        expect_eq("kind", event.kind.as_str(), "removed")?;
    }
    drop(away);
    while device.lines()? != lines {
        thread::yield_now();
    }
    let line = SimLine::plain(device)?;
    line.press()?;
    expect_edge(&handle.next_event()?, &line, true)
}

/// Even if the line is pressed on one processor while the other removes it.
fn no_edge_follows_a_line_s_removal(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let binding = device.binding()?;
    let handle = device.open_nonblocking()?;
    let room = device.capacity()? - device.lines()?.len() - 2;
    for _ in rounds(20) {
        handle.drain()?;
        let removed = AtomicBool::new(false);
        let events = thread::scope(|scope| {
            let presser = scope.spawn(|| -> Result<()> {
                while !removed.load(Ordering::Relaxed) {
                    // The queue has room for the removals.
                    if device.stats()?.queue_depth < u32::try_from(room)? {
                        line.press()?;
                        line.release()?;
                    }
                }
                Ok(())
            });
            let unbinder = scope.spawn(|| binding.unbind());
            let read = || -> Result<Vec<Event>> {
                let mut events = vec![handle.next_event()?];
                while !events.iter().any(|event| is_removal(event, &line)) {
                    events.push(handle.next_event()?);
                }
                Ok(events)
            };
            let events = read();
            let unbound = unbinder
                .join()
                .map_err(|_| anyhow!("the unbinder panicked"))
                .and_then(|unbound| unbound);
            removed.store(true, Ordering::Relaxed);
            presser
                .join()
                .map_err(|_| anyhow!("the presser panicked"))??;
            unbound.and(events)
        })?;
        let mut ours = events
            .into_iter()
            .chain(handle.drain()?)
            .filter(|event| event.line == line.number && event.source == "gpio")
            .skip_while(|event| event.kind != "removed");
        expect_eq("removals", ours.next().is_some(), true)?;
        expect_eq("events after the line's removal", ours.next(), None)?;
        binding.bind()?;
    }
    Ok(())
}

fn is_removal(event: &Event, line: &SimLine) -> bool {
    event.kind == "removed" && event.line == line.number
}

fn removal_wakes_a_sleeping_reader(device: &Device) -> Result<()> {
    let binding = device.binding()?;
    let handle = device.open()?;
    let reader = Sleeper::spawn(move || handle.event())?;
    reader.wait_asleep()?;
    binding.unbind()?;
    expect_eq("kind", reader.join()??.kind.as_str(), "removed")
}

/// A private queue: plain files only get edges and removals.
fn added_queue(device: &Device) -> Result<Queue> {
    Queue::open(
        device,
        Config {
            kinds: 1 << uapi::KIND_ADDED,
            ..Config::default()
        },
    )
}

fn each_line_that_comes_is_an_event(device: &Device) -> Result<()> {
    let lines = device.lines()?;
    let queue = added_queue(device)?;
    let plain = device.open_nonblocking()?;
    device.binding()?.unbind()?;
    plain.drain()?;
    let before = now_ns()?;
    device.binding()?.bind()?;
    let after = now_ns()?;
    let mut numbers = Vec::new();
    for event in queue.drain_records()? {
        ensure!(
            (before..=after).contains(&event.timestamp_ns),
            "timestamp_ns: seen {}, expected {before} to {after}",
            event.timestamp_ns
        );
        numbers.push(event.line);
    }
    numbers.sort_unstable();
    let expected = lines.iter().map(|line| line.number).collect();
    expect_eq("numbers of the lines", numbers, expected)?;
    plain.expect_silence(0)
}

fn added_tells_the_level(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let queue = added_queue(device)?;
    let binding = device.binding()?;
    // The driver sets no bias on either of them.
    let lines = [SimLine::plain(device)?, SimLine::falling(device)?];
    for pressed in [true, false, true] {
        binding.unbind()?;
        for line in &lines {
            line.set(pressed)?;
        }
        binding.bind()?;
        let events = queue.drain_records()?;
        for line in &lines {
            let added = events.iter().find(|event| event.line == line.number);
            let added = added.with_context(|| format!("no event of {}", line.label()))?;
            expect_eq(line.label(), added.value, pressed.into())?;
        }
    }
    // Later events continue from that level.
    handle.drain()?;
    lines[0].release()?;
    expect_edge(&handle.next_event()?, &lines[0], false)
}

fn unbind_keeps_queued_events(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    line.press()?;
    handle.wait(PollFlags::POLLIN)?;
    device.binding()?.unbind()?;
    let event = handle.event()?;
    expect_eq(
        "kind, line",
        (event.kind.as_str(), event.line),
        ("rising", line.number),
    )
}

fn bind_gives_the_lines_the_same_numbers(device: &Device) -> Result<()> {
    let binding = device.binding()?;
    let before = device.lines()?;
    for _ in 0..5 {
        binding.unbind()?;
        binding.bind()?;
        expect_eq("lines", device.lines()?, before.clone())?;
    }
    Ok(())
}

fn lines_work_again_after_bind(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    device.binding()?.unbind()?;
    device.binding()?.bind()?;
    handle.drain()?;
    line.press()?;
    let event = handle.next_event()?;
    expect_eq(
        "source, line, value",
        (event.source.as_str(), event.line, event.value),
        ("gpio", line.number, 1),
    )
}

/// As soon as a program can see the line.
fn line_that_is_listed_reports_its_edges(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let binding = device.binding()?;
    let handle = device.open_nonblocking()?;
    for round in rounds(50) {
        binding.unbind()?;
        handle.drain()?;
        thread::scope(|scope| {
            let binder = scope.spawn(|| binding.bind());
            let listed = || -> Result<bool> {
                let lines = device.lines()?;
                Ok(lines.iter().any(|listed| listed.number == line.number))
            };
            while !binder.is_finished() && !listed()? {}
            line.press()?;
            binder.join().map_err(|_| anyhow!("the binder panicked"))?
        })?;
        let event = handle
            .next_event()
            .with_context(|| format!("in round {round}"))?;
        expect_edge(&event, &line, true)?;
        line.release()?;
        handle.next_event()?;
        handle.drain()?;
    }
    Ok(())
}

fn timer_runs_on_through_unbind(device: &Device) -> Result<()> {
    let binding = device.binding()?;
    let handle = device.open_nonblocking()?;
    handle.command("start 5")?;
    binding.unbind()?;
    handle.drain()?;
    expect_eq("source", handle.next_event()?.source.as_str(), "timer")?;
    binding.bind()?;
    handle.drain()?;
    expect_eq("source", handle.next_event()?.source.as_str(), "timer")
}

/// Interrupts on one processor while the other removes and adds the lines: afterwards, the reported levels are correct.
fn repeatedly_while_edges_come(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let binding = device.binding()?;
    let handle = device.open_nonblocking()?;
    for round in rounds(30) {
        let bound = AtomicBool::new(false);
        thread::scope(|scope| {
            let presser = scope.spawn(|| -> Result<()> {
                while !bound.load(Ordering::Relaxed) {
                    line.press()?;
                    line.release()?;
                }
                Ok(())
            });
            let rebound = binding.unbind().and_then(|()| binding.bind());
            bound.store(true, Ordering::Relaxed);
            rebound.and(
                presser
                    .join()
                    .map_err(|_| anyhow!("the presser panicked"))?,
            )
        })?;
        handle.drain_until_quiet()?;
        line.press()?;
        let kind = handle.next_event()?.kind;
        expect_eq(
            format_args!("kind of a press in round {round}"),
            kind.as_str(),
            "rising",
        )?;
        line.release()?;
        handle.next_event()?;
    }
    Ok(())
}
