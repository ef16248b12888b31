// SPDX-License-Identifier: MIT OR Apache-2.0

//! The timer: the values of a tick, exact periods, and a final stop.

use anyhow::{Result, ensure};
use nix::poll::PollFlags;

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::event::Event;
use crate::handle::Handle;
use crate::module;
use crate::sim_line::now_ns;
use crate::sleeper::Sleeper;

tests!("timer":
    tick_has_its_values,
    tick_wakes_a_blocking_read,
    periods_do_not_drift,
    plain_start_takes_the_parameter,
    parameter_leaves_a_running_timer,
    longest_period_is_taken,
    start_twice_runs_one_timer,
    restart_takes_the_new_period,
    restart_with_a_long_period_ends_the_ticks,
    no_tick_after_stop,
    stop_is_final_each_time,
    runs_without_an_open_file,
    reset_leaves_it_running,
);

const MS: u64 = 1_000_000;

fn tick_has_its_values(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 5")?;
    let event = handle.next_event()?;
    expect_eq(
        "source, kind, line",
        (event.source.as_str(), event.kind.as_str(), event.line),
        ("timer", "tick", 0),
    )?;
    ensure!(
        event.value >= 1,
        "value: seen {}, expected 1 or more",
        event.value
    );
    Ok(())
}

fn tick_wakes_a_blocking_read(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let other = handle.dup()?;
    let reader = Sleeper::spawn(move || handle.event())?;
    reader.wait_asleep()?;
    other.command("start 5")?;
    expect_eq("source", reader.join()??.source.as_str(), "timer")
}

/// Starts the timer and reads `count` ticks without losses; starts over if the machine was too slow to read them all.
/// The n-th period must end n periods after the start: however late a tick is, `value` is the number of periods that it
/// covers, and the next tick is not delayed by it.
fn expect_period(handle: &Handle, command: &str, period_ms: u64, count: usize) -> Result<()> {
    let (ticks, started) = loop {
        handle.command("stop")?;
        handle.drain()?;
        let before = now_ns()?;
        handle.command(command)?;
        let after = now_ns()?;
        let ticks = (0..count)
            .map(|_| handle.next_event())
            .collect::<Result<Vec<Event>>>()?;
        if ticks.iter().all(|tick| tick.lost == 0) {
            break (ticks, before..=after);
        }
    };
    let mut periods = 0;
    let mut latest_start = u64::MAX;
    for (index, tick) in ticks.into_iter().enumerate() {
        periods += u64::from(tick.value);
        let earliest = started.start() + periods * period_ms * MS;
        ensure!(
            tick.timestamp_ns >= earliest,
            "{command}, end of period {periods}: seen {tick:?}, expected timestamp_ns from {earliest} on"
        );
        // Any tick may be late, but none is early: the least late tick of the second half shows whether they drift.
        if index >= count / 2 {
            latest_start = latest_start.min(tick.timestamp_ns - periods * period_ms * MS);
        }
    }
    // A tick that is late by a period or more covers that period, too.
    let limit = started.end() + period_ms * MS;
    ensure!(
        latest_start < limit,
        "{command}: each tick is late: seen {latest_start} less the periods, expected under {limit}"
    );
    Ok(())
}

fn periods_do_not_drift(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    expect_period(&handle, "start 2", 2, 1000)
}

fn plain_start_takes_the_parameter(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    for period in [3, 20] {
        module::set_parameter("timer_period_ms", &period.to_string())?;
        expect_period(&handle, "start", period, 20)?;
    }
    Ok(())
}

fn parameter_leaves_a_running_timer(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 5")?;
    module::set_parameter("timer_period_ms", "3600000")?;
    handle.drain()?;
    for _ in 0..5 {
        handle.next_event()?;
    }
    Ok(())
}

fn longest_period_is_taken(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 3600000")?;
    expect_eq("timer_running", device.stats()?.timer_running, 1)?;
    handle.expect_silence(50)
}

/// With two timers, twice as many periods would end.
fn start_twice_runs_one_timer(device: &Device) -> Result<()> {
    const PERIOD: u64 = 10 * MS;
    let handle = device.open_nonblocking()?;
    handle.command("start 10")?;
    let before = now_ns()?;
    handle.command("start 10")?;
    let (mut periods, mut last) = (0, before);
    for _ in 0..40 {
        let tick = handle.next_event()?;
        if tick.timestamp_ns > before {
            periods += u64::from(tick.value);
            last = tick.timestamp_ns;
        }
    }
    // One period of the first timer may have begun earlier, as may one of the second.
    let possible = (last - before) / PERIOD + 2;
    ensure!(
        periods <= possible,
        "seen {periods} periods in {} ns, expected {possible} at most",
        last - before
    );
    handle.command("start 10")?;
    handle.command("stop")?;
    handle.drain()?;
    handle.expect_silence(50)
}

fn restart_takes_the_new_period(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 3600000")?;
    handle.command("start 5")?;
    expect_eq("source", handle.next_event()?.source.as_str(), "timer")
}

fn restart_with_a_long_period_ends_the_ticks(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 2")?;
    handle.next_event()?;
    handle.command("start 3600000")?;
    handle.drain()?;
    handle.expect_silence(50)?;
    expect_eq("timer_running", device.stats()?.timer_running, 1)
}

fn no_tick_after_stop(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 1")?;
    handle.next_event()?;
    handle.command("stop")?;
    let stopped = device.stats()?;
    handle.drain()?;
    handle.expect_silence(100)?;
    expect_eq(
        "timer_triggered, dropped",
        (device.stats()?.timer_triggered, device.stats()?.dropped),
        (stopped.timer_triggered, stopped.dropped),
    )
}

/// Stops at various moments of a period, including while another processor handles a tick.
fn stop_is_final_each_time(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    for round in 0..200u32 {
        handle.command("start 1")?;
        if round % 2 == 0 {
            handle.wait(PollFlags::POLLIN)?;
        }
        for _ in 0..round {
            std::hint::spin_loop();
        }
        handle.command("stop")?;
        handle.drain()?;
        handle.expect_silence(3)?;
    }
    Ok(())
}

fn runs_without_an_open_file(device: &Device) -> Result<()> {
    device.open()?.command("start 2")?;
    let before = device.stats()?.timer_triggered;
    while device.stats()?.timer_triggered == before {}
    Ok(())
}

fn reset_leaves_it_running(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 5")?;
    handle.next_event()?;
    handle.command("reset")?;
    expect_eq("timer_running", device.stats()?.timer_running, 1)?;
    handle.drain()?;
    handle.next_event().map(drop)
}
