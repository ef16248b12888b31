// SPDX-License-Identifier: MIT OR Apache-2.0

//! The full queue: drops are counted, reported once, and leave no gap.

use anyhow::Result;
use nix::errno::Errno;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::LOSS;
use crate::sim_line::SimLine;

tests!("overflow":
    timer_events_are_dropped_and_counted,
    next_event_tells_how_many_were_lost,
    lost_events_are_told_once,
    room_of_one_read_takes_one_event,
    events_stay_in_order_through_overflow,
    reset_keeps_what_was_lost,
    gpio_edges_are_dropped_and_told_exactly,
    queue_of_dropped_events_is_intact,
);

fn timer_events_are_dropped_and_counted(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let filled = u32::try_from(handle.fill()?)?;
    let before = device.stats()?;
    device.lose_events(&handle)?;
    let after = device.stats()?;
    expect_eq(
        "event_sequence, generated, timer_triggered, queue_depth",
        (
            after.event_sequence,
            after.generated,
            after.timer_triggered,
            after.queue_depth,
        ),
        (before.event_sequence, filled, 0, filled),
    )
}

fn next_event_tells_how_many_were_lost(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let dropped = device.lose_events(&handle)?;
    let queued = handle.drain()?;
    let told: u32 = queued.iter().map(|event| event.lost).sum();
    expect_eq("lost of the events before the loss", told, 0)?;
    handle.trigger()?;
    let next = handle.event()?;
    let last = queued.last().map_or(0, |event| event.event);
    expect_eq("event, lost", (next.event, next.lost), (last + 1, dropped))
}

fn lost_events_are_told_once(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let dropped = device.lose_events(&handle)?;
    handle.drain()?;
    handle.trigger()?;
    handle.trigger()?;
    let lost: Vec<u32> = handle.drain()?.iter().map(|event| event.lost).collect();
    expect_eq("lost", lost, vec![dropped, 0])
}

fn room_of_one_read_takes_one_event(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let dropped = device.lose_events(&handle)?;
    handle.event()?;
    handle.trigger()?;
    expect_errno(
        "write to the full queue",
        handle.write("trigger"),
        Errno::ENOBUFS,
    )?;
    let last = handle.drain()?.pop();
    expect_eq(
        "lost of the last event",
        last.map(|event| event.lost),
        Some(dropped),
    )
}

/// Reads at intervals while the timer runs: each number follows the previous one, and drops are reported in the end.
fn events_stay_in_order_through_overflow(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let mut events = Vec::new();
    handle.command("start 1")?;
    for overflow in 1..=3 {
        device.wait_until_dropped(device.stats()?.dropped + overflow)?;
        events.extend(handle.drain()?);
    }
    handle.command("stop")?;
    events.extend(handle.drain()?);
    handle.trigger()?;
    events.push(handle.event()?);
    for pair in events.windows(2) {
        expect_eq("event", pair[1].event, pair[0].event + 1)?;
    }
    let lost: u32 = events.iter().map(|event| event.lost).sum();
    expect_eq("lost of all events", lost, device.stats()?.dropped)
}

/// `reset` sets the statistics to 0; the loss count of an event is not a statistic.
fn reset_keeps_what_was_lost(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let dropped = device.lose_events(&handle)?;
    handle.command("reset")?;
    let readiness = handle.readiness()?;
    expect_eq("POLLPRI after reset", readiness.contains(LOSS), true)?;
    handle.drain()?;
    handle.trigger()?;
    expect_eq("lost", handle.event()?.lost, dropped)
}

fn gpio_edges_are_dropped_and_told_exactly(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    for lost in [2, 4, 6] {
        line.press()?;
        line.release()?;
        device.wait_until_dropped(lost)?;
    }
    handle.drain()?;
    line.press()?;
    let event = handle.next_event()?;
    expect_eq(
        "source, lost",
        (event.source.as_str(), event.lost),
        ("gpio", 6),
    )
}

fn queue_of_dropped_events_is_intact(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    device.lose_events(&handle)?;
    let events = handle.drain()?;
    expect_eq("events held", events.len(), device.capacity()?)?;
    let manual = events
        .iter()
        .filter(|event| event.source == "manual")
        .count();
    expect_eq(
        "events from before the overflow",
        manual,
        device.capacity()?,
    )
}
