// SPDX-License-Identifier: MIT OR Apache-2.0

//! The clocks of the time stamps.

use anyhow::{Context, Result, ensure};
use mypoll::uapi::{self, Config};
use nix::poll::PollFlags;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_settime};

use super::read::both_policies;
use super::tests;
use crate::device::Device;
use crate::queue::Queue;
use crate::sim_line::{SimLine, clock_ns};

tests!("queue.clock":
    stamps_are_of_the_configured_clock,
    one_event_has_the_same_moment_in_each,
    the_watermarks_time_runs_by_each,
);

const CLOCKS: [(u32, ClockId); 3] = [
    (uapi::CLOCK_MONOTONIC, ClockId::CLOCK_MONOTONIC),
    (uapi::CLOCK_REALTIME, ClockId::CLOCK_REALTIME),
    (uapi::CLOCK_BOOTTIME, ClockId::CLOCK_BOOTTIME),
];

/// On a machine whose time was never set, both clocks have the same value, and no test could distinguish them.
pub(super) fn tell_clocks_apart() -> Result<()> {
    const A_DAY: i64 = 24 * 60 * 60;
    let now = clock_ns(ClockId::CLOCK_REALTIME)?;
    if now.abs_diff(clock_ns(ClockId::CLOCK_MONOTONIC)?) < 1_000_000_000 {
        let later = TimeSpec::new(i64::try_from(now / 1_000_000_000)? + A_DAY, 0);
        clock_settime(ClockId::CLOCK_REALTIME, later).context("clock_settime")?;
    }
    Ok(())
}

fn queue(device: &Device, clock: u32) -> Result<Queue> {
    Queue::open(
        device,
        Config {
            clock,
            ..Default::default()
        },
    )
}

fn stamps_are_of_the_configured_clock(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    tell_clocks_apart()?;
    for (clock, id) in CLOCKS {
        let queue = queue(device, clock)?;
        for pressed in [true, false] {
            let before = clock_ns(id)?;
            queue.trigger()?;
            line.set(pressed)?;
            let events = [queue.next_record()?, queue.next_record()?];
            let after = clock_ns(id)?;
            for event in events {
                ensure!(
                    (before..=after).contains(&event.timestamp_ns),
                    "{id:?}: seen {event:?}, expected a time within {before} to {after}"
                );
            }
        }
    }
    Ok(())
}

/// All time stamps of an event are of the same moment: they differ as the clocks do.
fn one_event_has_the_same_moment_in_each(device: &Device) -> Result<()> {
    tell_clocks_apart()?;
    let queues = CLOCKS.map(|(clock, _)| queue(device, clock));
    let [monotonic, realtime, boottime] = queues;
    let (monotonic, realtime, boottime) = (monotonic?, realtime?, boottime?);
    let mut apart = Vec::new();
    for _ in 0..20 {
        monotonic.trigger()?;
        let [monotonic, realtime, boottime] =
            [&monotonic, &realtime, &boottime].map(|queue| queue.next_record());
        let monotonic = monotonic?.timestamp_ns;
        apart.push((
            realtime?.timestamp_ns - monotonic,
            boottime?.timestamp_ns - monotonic,
        ));
    }
    ensure!(
        apart.iter().all(|pair| pair == &apart[0]),
        "seen {apart:?}, expected clocks that keep their distance"
    );
    Ok(())
}

/// The clock of the time stamps determines the age of the oldest event.
fn the_watermarks_time_runs_by_each(device: &Device) -> Result<()> {
    const TIME_US: u32 = 20_000;
    tell_clocks_apart()?;
    for (clock, id) in CLOCKS {
        for base in both_policies() {
            let queue = Queue::open(
                device,
                Config {
                    clock,
                    watermark_events: 8,
                    watermark_us: TIME_US,
                    ..base
                },
            )?;
            queue.trigger()?;
            queue.wait(PollFlags::POLLIN)?;
            let now = clock_ns(id)?;
            let event = queue.next_record()?;
            ensure!(
                now - event.timestamp_ns >= u64::from(TIME_US) * 1000,
                "{id:?}: readable {} ns after {event:?}",
                now - event.timestamp_ns
            );
        }
    }
    Ok(())
}
