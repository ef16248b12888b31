// SPDX-License-Identifier: MIT OR Apache-2.0

//! Properties of a line in the device tree: active level, bias, edges.

use std::fs;

use anyhow::{Context, Result};

use super::gpio::expect_edge;
use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::sim_line::{Pull, SimLine};

tests!("lines":
    low_level_presses_an_active_low_line,
    pull_up_and_pull_down_are_set_at_bind,
    rising_alone_is_reported,
    falling_alone_is_reported,
    interrupts_come_only_for_the_chosen_edge,
);

fn low_level_presses_an_active_low_line(device: &Device) -> Result<()> {
    let line = SimLine::button(device)?;
    let handle = device.open_nonblocking()?;
    for _ in 0..3 {
        line.set_pull(Pull::Down)?;
        expect_edge(&handle.next_event()?, &line, true)?;
        line.set_pull(Pull::Up)?;
        expect_edge(&handle.next_event()?, &line, false)?;
    }
    expect_eq("further events", handle.drain()?.len(), 0)
}

/// A line without bias keeps its pull.
fn pull_up_and_pull_down_are_set_at_bind(device: &Device) -> Result<()> {
    let without = SimLine::plain(device)?;
    let pull_up = SimLine::button(device)?;
    let pull_down = SimLine::rising(device)?;
    for before in [Pull::Up, Pull::Down] {
        let binding = device.binding()?;
        binding.unbind()?;
        for line in [&without, &pull_up, &pull_down] {
            line.set_pull(before)?;
        }
        binding.bind()?;
        expect_eq("without bias", without.pull()?, before)?;
        expect_eq("GPIO_PULL_UP", pull_up.pull()?, Pull::Up)?;
        expect_eq("GPIO_PULL_DOWN", pull_down.pull()?, Pull::Down)?;
    }
    Ok(())
}

/// Presses and releases a line that reports only one kind of edge.
fn expect_only(device: &Device, line: &SimLine, pressed: bool) -> Result<()> {
    let handle = device.open_nonblocking()?;
    for _ in 0..3 {
        line.press()?;
        line.release()?;
    }
    for _ in 0..3 {
        expect_edge(&handle.next_event()?, line, pressed)?;
    }
    handle.expect_silence(50)
}

fn rising_alone_is_reported(device: &Device) -> Result<()> {
    expect_only(device, &SimLine::rising(device)?, true)
}

fn falling_alone_is_reported(device: &Device) -> Result<()> {
    expect_only(device, &SimLine::falling(device)?, false)
}

fn interrupts_come_only_for_the_chosen_edge(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    for (line, interrupts) in [
        (SimLine::plain(device)?, 3),
        (SimLine::rising(device)?, 2),
        (SimLine::falling(device)?, 1),
    ] {
        let before = interrupts_of(&line)?;
        // So that the last edge is one that each line reports, or that no edge follows.
        line.press()?;
        line.release()?;
        line.press()?;
        handle.drain_until_quiet()?;
        expect_eq(line.label(), interrupts_of(&line)? - before, interrupts)?;
    }
    Ok(())
}

/// The number of interrupts of a line, on all processors.
fn interrupts_of(line: &SimLine) -> Result<u64> {
    let text = fs::read_to_string("/proc/interrupts")?;
    let counts = text
        .lines()
        .find(|row| row.split_whitespace().last() == Some(line.label()))
        .with_context(|| format!("no interrupt named {}: {text}", line.label()))?;
    Ok(counts
        .split_whitespace()
        .skip(1)
        .map_while(|count| count.parse::<u64>().ok())
        .sum())
}
