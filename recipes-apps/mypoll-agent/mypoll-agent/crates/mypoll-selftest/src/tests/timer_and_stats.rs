// SPDX-License-Identifier: MIT OR Apache-2.0

//! The timer's events, and the statistics of all of them.

use anyhow::{Result, ensure};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::stats::Stats;

tests!("timer_and_stats":
    device_exists,
    manual_trigger_event,
    timer_event_generation,
    timer_stop_behavior,
    epoll_integration,
    queue_overflow_statistics,
    reset_statistics,
    event_source_is_right,
    runtime_statistics,
    overflow_leaves_no_gap,
);

fn device_exists(device: &Device) -> Result<()> {
    device.open()?;
    device.stats().map(drop)
}

fn manual_trigger_event(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    let event = handle.event()?;
    expect_eq(
        "source, kind",
        (event.source.as_str(), event.kind.as_str()),
        ("manual", "trigger"),
    )
}

fn timer_event_generation(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 5")?;
    for _ in 0..3 {
        expect_eq("source", handle.next_event()?.source.as_str(), "timer")?;
    }
    Ok(())
}

fn timer_stop_behavior(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 5")?;
    handle.next_event()?;
    handle.command("stop")?;
    handle.drain()?;
    expect_eq("timer_running", device.stats()?.timer_running, 0)?;
    handle.expect_silence(50)
}

fn epoll_integration(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    epoll.add(&handle, EpollEvent::new(EpollFlags::EPOLLIN, 51))?;
    handle.command("start 5")?;
    for _ in 0..3 {
        let mut ready = [EpollEvent::empty()];
        epoll.wait(&mut ready, EpollTimeout::NONE)?;
        expect_eq("epoll_wait", ready[0].events(), EpollFlags::EPOLLIN)?;
        handle.drain()?;
    }
    Ok(())
}

fn queue_overflow_statistics(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let queued = u32::try_from(handle.fill()?)?;
    device.lose_events(&handle)?;
    let stats = device.stats()?;
    expect_eq(
        "generated, queue_depth",
        (stats.generated, stats.queue_depth),
        (queued, queued),
    )
}

fn reset_statistics(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    device.lose_events(&handle)?;
    let before = device.stats()?;
    handle.command("reset")?;
    expect_eq(
        "stats after reset",
        device.stats()?,
        Stats {
            event_sequence: before.event_sequence,
            queue_depth: before.queue_depth,
            generated: 0,
            dropped: 0,
            manual_triggered: 0,
            timer_triggered: 0,
            timer_running: 0,
            gpio_triggered: 0,
        },
    )
}

fn event_source_is_right(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    handle.command("start 5")?;
    let sources = [handle.next_event()?.source, handle.next_event()?.source];
    expect_eq("sources", sources, ["manual".into(), "timer".into()])
}

fn runtime_statistics(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    handle.command("start 5")?;
    expect_eq("timer_running", device.stats()?.timer_running, 1)?;
    handle.event()?;
    handle.next_event()?;
    handle.command("stop")?;
    let left = u32::try_from(handle.drain()?.len())?;
    let stats = device.stats()?;
    expect_eq(
        "manual_triggered, timer_triggered, generated",
        (
            stats.manual_triggered,
            stats.timer_triggered,
            stats.generated,
        ),
        (1, 1 + left, 2 + left),
    )
}

fn overflow_leaves_no_gap(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 1")?;
    device.wait_until_dropped(3)?;
    let mut numbers: Vec<u32> = handle.drain()?.iter().map(|event| event.event).collect();
    handle.command("stop")?;
    numbers.extend(handle.drain()?.iter().map(|event| event.event));
    ensure!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "events: seen {numbers:?}, expected no gap"
    );
    Ok(())
}
