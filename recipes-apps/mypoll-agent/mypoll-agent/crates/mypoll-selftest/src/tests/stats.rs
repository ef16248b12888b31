// SPDX-License-Identifier: MIT OR Apache-2.0

//! The `stats` and `lines` files.

use std::fs;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::PollFlags;

use super::tests;
use crate::check::{expect_eq, expect_errno, expect_read_only};
use crate::device::Device;
use crate::sim_line::SimLine;
use crate::stats::Stats;

tests!("stats":
    keys_are_in_order,
    files_are_read_only,
    trigger_counts,
    tick_counts,
    edge_counts,
    read_changes_only_the_depth,
    failing_write_counts_nothing,
    sources_add_up_to_generated,
    reset_keeps_queue_sequence_and_timer,
    lines_are_numbered_by_the_device_tree,
);

fn keys_are_in_order(device: &Device) -> Result<()> {
    let text = fs::read_to_string(device.sysfs.join("stats"))?;
    let keys: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, _)| key)
        .take(8)
        .collect();
    let expected = [
        "event_sequence",
        "generated",
        "dropped",
        "manual_triggered",
        "timer_triggered",
        "queue_depth",
        "timer_running",
        "gpio_triggered",
    ];
    expect_eq("keys", keys, expected.to_vec())
}

fn files_are_read_only(device: &Device) -> Result<()> {
    ["stats", "lines"]
        .iter()
        .try_for_each(|name| expect_read_only(&device.sysfs.join(name)))
}

/// Expects that only `change` differs from `before`.
fn expect_change(device: &Device, before: &Stats, change: impl FnOnce(&mut Stats)) -> Result<()> {
    let mut expected = *before;
    change(&mut expected);
    expect_eq("stats", device.stats()?, expected)
}

fn trigger_counts(device: &Device) -> Result<()> {
    let before = device.stats()?;
    device.open()?.trigger()?;
    expect_change(device, &before, |stats| {
        stats.event_sequence += 1;
        stats.generated += 1;
        stats.manual_triggered += 1;
        stats.queue_depth += 1;
    })
}

fn tick_counts(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let before = device.stats()?;
    handle.command("start 20")?;
    handle.wait(PollFlags::POLLIN)?;
    handle.command("stop")?;
    let ticks = u32::try_from(handle.drain()?.len())?;
    expect_change(device, &before, |stats| {
        stats.event_sequence += ticks;
        stats.generated += ticks;
        stats.timer_triggered += ticks;
    })
}

fn edge_counts(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let handle = device.open_nonblocking()?;
    let before = device.stats()?;
    line.press()?;
    handle.wait(PollFlags::POLLIN)?;
    expect_change(device, &before, |stats| {
        stats.event_sequence += 1;
        stats.generated += 1;
        stats.gpio_triggered += 1;
        stats.queue_depth += 1;
    })
}

fn read_changes_only_the_depth(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    handle.trigger()?;
    let before = device.stats()?;
    handle.event()?;
    expect_change(device, &before, |stats| stats.queue_depth -= 1)
}

fn failing_write_counts_nothing(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    let before = device.stats()?;
    for (command, errno) in [
        ("trigger", Errno::ENOBUFS),
        ("nonsense", Errno::EINVAL),
        ("start 0", Errno::EINVAL),
    ] {
        expect_errno(command, handle.write(command), errno)?;
    }
    expect_change(device, &before, |_| {})
}

fn sources_add_up_to_generated(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 1")?;
    for _ in 0..20 {
        handle.next_event()?;
        match handle.write("trigger") {
            // The second result occurs if the timer was faster.
            Ok(_) | Err(Errno::ENOBUFS) => {}
            Err(errno) => return Err(errno).context("trigger"),
        }
        let stats = device.stats()?;
        expect_eq(
            "manual, timer and gpio together",
            stats.manual_triggered + stats.timer_triggered + stats.gpio_triggered,
            stats.generated,
        )?;
    }
    Ok(())
}

fn reset_keeps_queue_sequence_and_timer(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 3600000")?;
    handle.trigger()?;
    handle.trigger()?;
    let before = device.stats()?;
    handle.command("reset")?;
    expect_change(device, &before, |stats| {
        stats.generated = 0;
        stats.manual_triggered = 0;
    })?;
    handle.event()?;
    handle.event()?;
    handle.trigger()?;
    expect_eq("event", handle.event()?.event, before.event_sequence + 1)
}

fn lines_are_numbered_by_the_device_tree(device: &Device) -> Result<()> {
    let numbers: Vec<u32> = device.lines()?.iter().map(|line| line.number).collect();
    expect_eq("in order", numbers.is_sorted_by(|a, b| a < b), true)?;
    let mut unknown = device.binding()?.line_numbers()?;
    unknown.retain(|number| !numbers.contains(number));
    expect_eq(
        "numbers of the device tree that no line has",
        unknown,
        vec![],
    )
}
