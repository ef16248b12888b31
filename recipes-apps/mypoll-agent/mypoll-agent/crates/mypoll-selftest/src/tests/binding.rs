// SPDX-License-Identifier: MIT OR Apache-2.0

//! Taking the GPIO lines away and giving them back, by unbinding and binding the platform device.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Result, anyhow};
use nix::poll::PollFlags;

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::sim_line::SimLine;
use crate::sleeper::Sleeper;

tests!("binding":
    unbind_takes_the_lines_away,
    unbind_leaves_a_sleeping_reader_alone,
    unbind_keeps_queued_events,
    bind_gives_the_lines_the_same_numbers,
    lines_work_again_after_bind,
    timer_runs_on_through_unbind,
    repeatedly_while_edges_come,
);

fn unbind_takes_the_lines_away(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    device.binding()?.unbind()?;
    expect_eq("lines", device.lines()?, Vec::new())?;
    line.press()?;
    line.release()?;
    handle.expect_silence(50)
}

fn unbind_leaves_a_sleeping_reader_alone(device: &Device) -> Result<()> {
    let binding = device.binding()?;
    let handle = device.open()?;
    let reader = Sleeper::spawn(move || handle.event())?;
    reader.wait_asleep()?;
    binding.unbind()?;
    reader.wait_asleep()?;
    device.open()?.trigger()?;
    expect_eq("source", reader.join()??.source.as_str(), "manual")?;

    let handle = device.open()?;
    let reader = Sleeper::spawn(move || handle.event())?;
    reader.wait_asleep()?;
    binding.bind()?;
    reader.wait_asleep()?;
    device.open()?.trigger()?;
    expect_eq("source", reader.join()??.source.as_str(), "manual")
}

fn unbind_keeps_queued_events(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    line.press()?;
    handle.wait(PollFlags::POLLIN)?;
    device.binding()?.unbind()?;
    let event = handle.event()?;
    expect_eq(
        "source, line",
        (event.source.as_str(), event.line),
        ("gpio", line.number),
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
    line.press()?;
    let event = handle.next_event()?;
    expect_eq(
        "source, line, value",
        (event.source.as_str(), event.line, event.value),
        ("gpio", line.number, 1),
    )
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

/// Interrupts on one processor while the lines go away, and come back, on the other: afterwards,
/// levels are told right.
fn repeatedly_while_edges_come(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let binding = device.binding()?;
    let handle = device.open_nonblocking()?;
    for round in 0..30 {
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
