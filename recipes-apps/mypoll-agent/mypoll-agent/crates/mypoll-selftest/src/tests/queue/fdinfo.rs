// SPDX-License-Identifier: MIT OR Apache-2.0

//! The content of fdinfo and of the folder `statistics`.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};

use anyhow::{Context, Result, ensure};
use mypoll::ioctl;
use mypoll::uapi::{self, Config, Info};

use super::tests;
use crate::check::{expect_eq, expect_read_only};
use crate::device::Device;
use crate::handle::Handle;
use crate::queue::{Queue, only_line};

tests!("queue.fdinfo":
    of_a_plain_file,
    of_a_queue,
    of_a_queue_with_a_filter,
    statistics_have_one_value_a_file,
    statistics_say_what_is_now,
    counters_grow_with_those_of_stats,
    reset_leaves_the_counters,
);

/// The keys of this file's fdinfo.
fn fdinfo(handle: &Handle) -> Result<BTreeMap<String, String>> {
    let path = format!("/proc/self/fdinfo/{}", handle.as_fd().as_raw_fd());
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    text.lines()
        .map(|line| {
            let (key, value) = line
                .split_once(":\t")
                .with_context(|| format!("seen {line:?}, expected a key and a value"))?;
            Ok((key.to_owned(), value.trim_end().to_owned()))
        })
        .collect()
}

/// Some of the numbers in it, from the same moment.
pub(super) fn numbers<const N: usize>(handle: &Handle, names: [&str; N]) -> Result<[u64; N]> {
    let keys = fdinfo(handle)?;
    let mut numbers = [0; N];
    for (number, name) in numbers.iter_mut().zip(names) {
        let value = keys.get(name);
        let value = value.with_context(|| format!("no {name} in {keys:?}"))?;
        *number = value.parse()?;
    }
    Ok(numbers)
}

fn expect_keys(handle: &Handle, expected: &[(&str, &str)]) -> Result<()> {
    let seen = fdinfo(handle)?;
    for (key, value) in expected {
        let there = seen.get(*key).map(String::as_str);
        expect_eq(format_args!("{key} of {seen:?}"), there, Some(*value))?;
    }
    Ok(())
}

fn of_a_plain_file(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    expect_keys(
        &handle,
        &[
            ("queue", "shared"),
            ("capacity", &device.capacity()?.to_string()),
            ("depth", "1"),
            // Since the module was loaded: `reset` does not change it.
            ("lost", &device.statistic("dropped")?.to_string()),
        ],
    )
}

fn of_a_queue(device: &Device) -> Result<()> {
    let config = Config {
        capacity: 4,
        overflow: uapi::OVERFLOW_DROP_OLDEST,
        clock: uapi::CLOCK_BOOTTIME,
        watermark_events: 2,
        watermark_us: 5000,
        ..Default::default()
    };
    let queue = Queue::open(device, config)?;
    queue.triggers(6)?;
    queue.read_records(1)?;
    expect_keys(
        &queue,
        &[
            ("queue", "private"),
            ("capacity", "4"),
            ("depth", "3"),
            ("high-water", "4"),
            ("generated", "6"),
            ("read", "1"),
            ("lost", "2"),
            ("overflow", "drop-oldest"),
            ("clock", "boottime"),
            ("watermark-events", "2"),
            ("watermark-us", "5000"),
            ("sources", "manual timer gpio"),
            ("kinds", "trigger tick rising falling removed added"),
            ("lines", "all"),
        ],
    )
}

fn of_a_queue_with_a_filter(device: &Device) -> Result<()> {
    let mut lines = only_line(1023);
    lines[0] = 0b101;
    let sources = 1 << uapi::SOURCE_TIMER | 1 << uapi::SOURCE_GPIO;
    let kinds = 1 << uapi::KIND_TICK | 1 << uapi::KIND_RISING;
    let queue = Queue::open(
        device,
        Config {
            sources,
            kinds,
            lines,
            ..Default::default()
        },
    )?;
    expect_keys(
        &queue,
        &[
            ("overflow", "drop-newest"),
            ("clock", "monotonic"),
            ("watermark-events", "1"),
            ("watermark-us", "0"),
            ("sources", "timer gpio"),
            ("kinds", "tick rising"),
            ("lines", "0 2 1023"),
        ],
    )?;
    queue.configure(Config::default())?;
    expect_keys(
        &queue,
        &[("sources", "manual timer gpio"), ("lines", "all")],
    )
}

const STATISTICS: [&str; 12] = [
    "dropped",
    "event_sequence",
    "generated",
    "gpio_triggered",
    "manual_triggered",
    "private_queues",
    "queue_capacity",
    "queue_depth",
    "queue_high_water",
    "queues_max",
    "timer_running",
    "timer_triggered",
];

fn statistics_have_one_value_a_file(device: &Device) -> Result<()> {
    let folder = device.sysfs.join("statistics");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        expect_read_only(&entry.path())?;
        device.statistic(&name)?;
        names.push(name);
    }
    names.sort();
    expect_eq("files", names, STATISTICS.map(str::to_owned).to_vec())
}

fn statistics_say_what_is_now(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    device.lose_events(&handle)?;
    let stats = device.stats()?;
    let queues_max = handle.ioctl(ioctl::GET_INFO, Info::default())?.queues_max;
    for (name, value) in [
        ("event_sequence", stats.event_sequence),
        ("queue_depth", stats.queue_depth),
        ("timer_running", stats.timer_running),
        ("queue_capacity", device.capacity()?.try_into()?),
        ("queue_high_water", device.capacity()?.try_into()?),
        ("private_queues", 0),
        ("queues_max", queues_max),
    ] {
        expect_eq(name, device.statistic(name)?, value.into())?;
    }
    Ok(())
}

/// The counters of the folder, in which a monitor looks for changes.
fn counters(device: &Device) -> Result<[u64; 5]> {
    let mut values = [0; 5];
    let names = [
        "generated",
        "dropped",
        "manual_triggered",
        "timer_triggered",
        "gpio_triggered",
    ];
    for (value, name) in values.iter_mut().zip(names) {
        *value = device.statistic(name)?;
    }
    Ok(values)
}

/// The counters of `stats`, which `reset` sets to 0.
fn resettable(device: &Device) -> Result<[u64; 5]> {
    let stats = device.stats()?;
    Ok([
        stats.generated,
        stats.dropped,
        stats.manual_triggered,
        stats.timer_triggered,
        stats.gpio_triggered,
    ]
    .map(u64::from))
}

fn counters_grow_with_those_of_stats(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let before = (counters(device)?, resettable(device)?);
    device.lose_events(&handle)?;
    let after = (counters(device)?, resettable(device)?);
    let grown = |before: [u64; 5], after: [u64; 5]| -> Vec<u64> {
        after
            .iter()
            .zip(before)
            .map(|(after, before)| after - before)
            .collect()
    };
    expect_eq("growth", grown(before.0, after.0), grown(before.1, after.1))?;
    ensure!(after.1[1] >= 3, "seen {after:?}, expected events dropped");
    Ok(())
}

fn reset_leaves_the_counters(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    device.lose_events(&handle)?;
    let before = counters(device)?;
    handle.command("reset")?;
    expect_eq("stats", resettable(device)?, [0; 5])?;
    expect_eq("statistics", counters(device)?, before)?;
    expect_eq(
        "queue_high_water",
        device.statistic("queue_high_water")?,
        device.capacity()? as u64,
    )
}
