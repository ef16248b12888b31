// SPDX-License-Identifier: MIT OR Apache-2.0

//! How a folder finds its chip and its line, and chips that are added and removed.

use std::collections::BTreeSet;
use std::thread;

use anyhow::{Context, Result, anyhow};
use mypoll::uapi;
use nix::errno::Errno;

use super::{gpio_queue, number_of, told};
use crate::check::{expect_eq, expect_errno, rounds};
use crate::configfs::{ConfigLine, Setup, SimChip};
use crate::device::Device;
use crate::queue::Queue;
use crate::sim_line::{ChipAway, Pull, SimLine};
use crate::tests::tests;

tests!("configfs.chips":
    by_the_chip_s_label_or_name,
    by_the_line_s_name,
    enodev_no_such_chip,
    no_such_line,
    chip_that_goes_away_takes_the_line_along,
    chip_that_comes_back_brings_the_line,
    folder_outlives_the_chip,
    chip_of_the_device_tree_goes_and_comes,
    chip_of_the_device_tree_goes_again_and_again,
    chip_comes_and_goes_while_its_line_does,
    chip_comes_and_goes_while_the_driver_is_bound,
);

fn by_the_chip_s_label_or_name(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 3)?;
    for name in [chip.label.clone(), chip.name()?] {
        let line = ConfigLine::new("one")?;
        line.put("chip", &name)?;
        line.put("offset", "2")?;
        line.go_live()?;
        let number = number_of(device, &line.name())?;
        expect_eq("offset", device.open()?.line_info(number)?.offset, 2)?;
    }
    Ok(())
}

fn by_the_line_s_name(device: &Device) -> Result<()> {
    let _chip = SimChip::with("chip", 4, &[Setup::Name(2, "selftest.bell")])?;
    let line = ConfigLine::new("one")?;
    line.put("line_name", "selftest.bell")?;
    line.go_live()?;
    let number = number_of(device, &line.name())?;
    expect_eq("offset", device.open()?.line_info(number)?.offset, 2)?;
    line.put("live", "0")?;
    line.put("line_name", "selftest.no-such-line")?;
    expect_errno("live", line.set("live", "1"), Errno::ENODEV)
}

fn enodev_no_such_chip(device: &Device) -> Result<()> {
    let lines = device.lines()?;
    let line = ConfigLine::new("one")?;
    for name in ["no-such-chip", "gpiochip99999"] {
        line.put("chip", name)?;
        line.put("offset", "0")?;
        expect_errno(name, line.set("live", "1"), Errno::ENODEV)?;
        expect_eq("live", line.get("live")?.as_str(), "0")?;
    }
    expect_eq("lines", device.lines()?, lines)
}

fn no_such_line(device: &Device) -> Result<()> {
    let lines = device.lines()?;
    let chip = SimChip::new("chip", 4)?;
    let line = ConfigLine::of_chip("one", &chip, 4)?;
    expect_errno("offset 4 of 4", line.set("live", "1"), Errno::EINVAL)?;
    expect_eq("lines", device.lines()?, lines)?;
    line.put("offset", "3")?;
    line.go_live()
}

fn chip_that_goes_away_takes_the_line_along(device: &Device) -> Result<()> {
    let before = device.lines()?;
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.go_live()?;
    let number = number_of(device, &line.name())?;
    let queue = gpio_queue(device)?;
    chip.pull(0, Pull::Up)?;
    chip.disappear()?;
    let events = [queue.next_record()?, queue.next_record()?];
    expect_eq(
        "events",
        events.each_ref().map(told),
        [
            (uapi::KIND_RISING, number, 1),
            (uapi::KIND_REMOVED, number, 0),
        ],
    )?;
    expect_eq("lines", device.lines()?, before)
}

fn chip_that_comes_back_brings_the_line(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.go_live()?;
    let number = number_of(device, &line.name())?;
    for _ in 0..3 {
        let queue = gpio_queue(device)?;
        chip.disappear()?;
        let removed = queue.next_record()?;
        expect_eq("removed", told(&removed), (uapi::KIND_REMOVED, number, 0))?;
        chip.appear()?;
        let added = queue.next_record()?;
        expect_eq("added", told(&added), (uapi::KIND_ADDED, number, 0))?;
        expect_eq("live", line.get("live")?.as_str(), "1")?;
        chip.pull(0, Pull::Up)?;
        let rising = queue.next_record()?;
        expect_eq("rising", told(&rising), (uapi::KIND_RISING, number, 1))?;
    }
    Ok(())
}

/// Through its driver: any chip may be unbound.
fn chip_of_the_device_tree_goes_and_comes(device: &Device) -> Result<()> {
    SimLine::plain(device)?;
    let line = ConfigLine::new("one")?;
    // The device tree has no line there.
    line.put("chip", "mypoll-sim")?;
    line.put("offset", "7")?;
    line.go_live()?;
    let number = number_of(device, &line.name())?;
    let queue = gpio_queue(device)?;
    let next = |kind| -> Result<()> {
        loop {
            let event = queue.next_record()?;
            if event.line == number {
                return expect_eq("kind", event.kind, kind);
            }
        }
    };
    let away = ChipAway::new()?;
    next(uapi::KIND_REMOVED)?;
    expect_eq("lines", device.lines()?, Vec::new())?;
    drop(away);
    next(uapi::KIND_ADDED)?;
    line.remove()?;
    next(uapi::KIND_REMOVED)
}

/// The lines are not probed while the driver core still removes their chip: it would warn in the kernel's log.
fn chip_of_the_device_tree_goes_again_and_again(device: &Device) -> Result<()> {
    SimLine::plain(device)?;
    let before = device.lines()?;
    for _ in rounds(300) {
        drop(ChipAway::new()?);
        while device.lines()? != before {
            thread::yield_now();
        }
    }
    Ok(())
}

/// Runs both in threads at the same time, and ignores their results.
fn at_once(one: impl FnOnce() + Send, other: impl FnOnce() + Send) -> Result<()> {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = scope.spawn(other);
        one.join().and(other.join())
    })
    .map_err(|_| anyhow!("a thread panicked"))
}

fn repeat(mut body: impl FnMut()) {
    rounds(40).for_each(|_| body());
}

fn chip_comes_and_goes_while_its_line_does(device: &Device) -> Result<()> {
    let before = device.lines()?;
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    let queue = gpio_queue(device)?;
    at_once(
        || {
            repeat(|| {
                let _ = chip.disappear();
                let _ = chip.appear();
            });
        },
        || {
            repeat(|| {
                // Fails without its chip.
                let _ = line.set("live", "1");
                let _ = line.set("live", "0");
            });
        },
    )?;
    expect_eq("lines", device.lines()?, before)?;
    expect_pairs(&queue)?;
    line.go_live()?;
    expect_eq("kind", queue.next_record()?.kind, uapi::KIND_ADDED)
}

fn chip_comes_and_goes_while_the_driver_is_bound(device: &Device) -> Result<()> {
    let before = device.lines()?;
    let binding = device.binding()?;
    let queue = gpio_queue(device)?;
    for _ in rounds(40) {
        // Do not bind while the chip is unbound: the driver core warns about that for any consumer.
        let mut away = None;
        at_once(|| away = Some(ChipAway::new()), || drop(binding.unbind()))?;
        let away = away.context("the chip's thread ran")??;
        at_once(|| drop(away), || drop(binding.bind()))?;
        // The kernel may be about to bind it, now that the chip exists.
        while !binding.is_bound() {
            let _ = binding.bind();
        }
        while device.lines()? != before {
            thread::yield_now();
        }
    }
    binding.unbind()?;
    expect_pairs(&queue)
}

/// Each existing line is removed before it is added again; in the end none exists.
fn expect_pairs(queue: &Queue) -> Result<()> {
    let mut there = BTreeSet::new();
    let mut first = BTreeSet::new();
    for event in queue.drain_records()? {
        match event.kind {
            uapi::KIND_ADDED => {
                expect_eq("added twice", there.insert(event.line), true)?;
                first.insert(event.line);
            }
            // A line that is older than the queue is removed once more.
            uapi::KIND_REMOVED if first.insert(event.line) => {}
            uapi::KIND_REMOVED => expect_eq("removed twice", there.remove(&event.line), true)?,
            _ => {}
        }
    }
    expect_eq("left", there, BTreeSet::new())
}

fn folder_outlives_the_chip(device: &Device) -> Result<()> {
    let before = device.lines()?;
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.go_live()?;
    drop(chip);
    expect_eq("lines", device.lines()?, before)?;
    line.put("live", "0")?;
    expect_errno("live", line.set("live", "1"), Errno::ENODEV)?;
    line.remove()?;
    Ok(())
}
