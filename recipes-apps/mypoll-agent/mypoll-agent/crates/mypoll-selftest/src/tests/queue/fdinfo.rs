// SPDX-License-Identifier: MIT OR Apache-2.0

//! What fdinfo and the folder of statistics tell.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use mypoll::uapi::{self, Config};

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::handle::Handle;
use crate::queue::{Queue, only_line};

tests!("queue.fdinfo":
    of_a_plain_file,
    of_a_queue,
    of_a_queue_with_a_filter,
    statistics_have_one_value_a_file,
    statistics_say_what_stats_says,
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
            ("lost", "0"),
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
            ("lines", "all"),
        ],
    )
}

fn of_a_queue_with_a_filter(device: &Device) -> Result<()> {
    let mut lines = only_line(1023);
    lines[0] = 0b101;
    let sources = 1 << uapi::SOURCE_TIMER | 1 << uapi::SOURCE_GPIO;
    let queue = Queue::open(
        device,
        Config {
            sources,
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
            ("lines", "0 2 1023"),
        ],
    )?;
    queue.configure(Config::default())?;
    expect_keys(
        &queue,
        &[("sources", "manual timer gpio"), ("lines", "all")],
    )
}

const STATISTICS: [&str; 11] = [
    "dropped",
    "event_sequence",
    "generated",
    "gpio_triggered",
    "manual_triggered",
    "private_queues",
    "queue_capacity",
    "queue_depth",
    "queue_high_water",
    "timer_running",
    "timer_triggered",
];

fn statistics_have_one_value_a_file(device: &Device) -> Result<()> {
    let folder = device.sysfs.join("statistics");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let mode = entry.metadata()?.permissions().mode() & 0o777;
        let name = entry.file_name().to_string_lossy().into_owned();
        expect_eq(format_args!("mode of {name}"), mode, 0o444)?;
        device.statistic(&name)?;
        names.push(name);
    }
    names.sort();
    expect_eq("files", names, STATISTICS.map(str::to_owned).to_vec())
}

fn statistics_say_what_stats_says(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    device.lose_events(&handle)?;
    let stats = device.stats()?;
    for (name, value) in [
        ("event_sequence", stats.event_sequence),
        ("generated", stats.generated),
        ("dropped", stats.dropped),
        ("manual_triggered", stats.manual_triggered),
        ("timer_triggered", stats.timer_triggered),
        ("queue_depth", stats.queue_depth),
        ("timer_running", stats.timer_running),
        ("gpio_triggered", stats.gpio_triggered),
        ("queue_capacity", device.capacity()?.try_into()?),
        ("queue_high_water", device.capacity()?.try_into()?),
        ("private_queues", 0),
    ] {
        expect_eq(name, device.statistic(name)?, value.into())?;
    }
    Ok(())
}
