// SPDX-License-Identifier: MIT OR Apache-2.0

//! Valid commands of a write.

use std::io::IoSlice;

use anyhow::Result;
use nix::sys::uio::writev;

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;

tests!("write":
    trigger_with_and_without_newline,
    one_with_and_without_newline,
    empty_line,
    start_with_and_without_newline,
    start_with_a_period_and_newline,
    stop_with_and_without_newline,
    stop_of_a_stopped_timer,
    reset_with_and_without_newline,
    zero_bytes_do_nothing,
    writev_is_one_command,
    timer_commands_work_on_a_full_queue,
);

/// Writes each command, and expects one event for each.
fn triggers(device: &Device, commands: &[&str]) -> Result<()> {
    let handle = device.open_nonblocking()?;
    for command in commands {
        handle.command(command)?;
        let events = handle.drain()?;
        let sources: Vec<&str> = events.iter().map(|event| event.source.as_str()).collect();
        expect_eq(
            format_args!("events of {command:?}"),
            sources,
            vec!["manual"],
        )?;
    }
    Ok(())
}

fn trigger_with_and_without_newline(device: &Device) -> Result<()> {
    triggers(device, &["trigger", "trigger\n"])
}

fn one_with_and_without_newline(device: &Device) -> Result<()> {
    triggers(device, &["1", "1\n"])
}

fn empty_line(device: &Device) -> Result<()> {
    triggers(device, &["\n"])
}

/// Writes each command with the timer stopped, and expects the timer to run.
fn starts(device: &Device, commands: &[&str]) -> Result<()> {
    let handle = device.open_nonblocking()?;
    for command in commands {
        handle.command("stop")?;
        handle.command(command)?;
        expect_eq(
            format_args!("timer_running after {command:?}"),
            device.stats()?.timer_running,
            1,
        )?;
    }
    Ok(())
}

fn start_with_and_without_newline(device: &Device) -> Result<()> {
    starts(device, &["start", "start\n"])
}

fn start_with_a_period_and_newline(device: &Device) -> Result<()> {
    starts(device, &["start 250", "start 250\n"])
}

fn stop_with_and_without_newline(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    for command in ["stop", "stop\n"] {
        handle.command("start 60000")?;
        handle.command(command)?;
        expect_eq(
            format_args!("timer_running after {command:?}"),
            device.stats()?.timer_running,
            0,
        )?;
    }
    Ok(())
}

fn stop_of_a_stopped_timer(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("stop")?;
    handle.command("stop")?;
    expect_eq("timer_running", device.stats()?.timer_running, 0)
}

fn reset_with_and_without_newline(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    for command in ["reset", "reset\n"] {
        handle.trigger()?;
        handle.command(command)?;
        expect_eq(
            format_args!("generated after {command:?}"),
            device.stats()?.generated,
            0,
        )?;
    }
    Ok(())
}

fn zero_bytes_do_nothing(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let before = device.stats()?;
    expect_eq("write", handle.write(""), Ok(0))?;
    expect_eq("stats", device.stats()?, before)
}

fn writev_is_one_command(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let written = writev(&handle, &[IoSlice::new(b"trig"), IoSlice::new(b"ger\n")]);
    expect_eq("writev", written, Ok(8))?;
    expect_eq("events", handle.drain()?.len(), 1)
}

fn timer_commands_work_on_a_full_queue(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    for command in ["start 60000", "start", "stop", "reset"] {
        handle.command(command)?;
    }
    Ok(())
}
