// SPDX-License-Identifier: MIT OR Apache-2.0

//! Lines that are created in configfs, on chips that gpio-sim simulates.

mod attributes;
mod chips;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use mypoll::uapi::{self, Config, Event};
use nix::errno::Errno;

use super::{Test, tests};
use crate::check::{expect_eq, expect_errno, rounds};
use crate::configfs::{ConfigLine, Setup, SimChip};
use crate::device::Device;
use crate::levels::label;
use crate::module;
use crate::queue::Queue;
use crate::sim_line::{Pull, SimLine};

tests!("configfs":
    live_adds_the_line,
    edges_are_events,
    live_0_removes_the_line,
    rmdir_of_a_live_line_removes_it,
    rmdir_leaves_open_files_usable,
    line_is_free_again_afterwards,
    ebusy_line_in_use,
    ebusy_line_of_the_device_tree,
    live_twice_changes_nothing,
    unload_is_refused_while_a_folder_is_there,
    lines_come_and_go_while_edges_come,
);

/// The tests of attributes, and of chips that are added and removed.
pub(super) const MORE: [&[Test]; 2] = [attributes::TESTS, chips::TESTS];

/// A queue of all lines' events.
fn gpio_queue(device: &Device) -> Result<Queue> {
    Queue::open(
        device,
        Config {
            capacity: uapi::CAPACITY_MAX,
            sources: 1 << uapi::SOURCE_GPIO,
            ..Config::default()
        },
    )
}

/// The number of the line with a label.
fn number_of(device: &Device, label: &str) -> Result<u32> {
    let lines = device.lines()?;
    let line = lines.iter().find(|line| line.label == label);
    let line = line.with_context(|| format!("no line {label} in {lines:?}"))?;
    Ok(line.number)
}

/// Kind, line and value.
fn told(event: &Event) -> (u16, u32, u32) {
    (event.kind, event.line, event.value)
}

fn live_adds_the_line(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 4)?;
    let queue = gpio_queue(device)?;
    let plain = device.open_nonblocking()?;
    let line = ConfigLine::of_chip("one", &chip, 3)?;
    expect_eq("events before", queue.drain_records()?.len(), 0)?;
    chip.pull(3, Pull::Up)?;
    line.go_live()?;
    expect_eq("live", line.get("live")?.as_str(), "1")?;
    let number = number_of(device, &line.name())?;
    let added = queue.next_record()?;
    expect_eq("added", told(&added), (uapi::KIND_ADDED, number, 1))?;
    expect_eq("line_sequence", added.line_sequence, 1)?;
    plain.expect_silence(0)?;
    let info = plain.line_info(number)?;
    expect_eq("label", label(&info), line.name().as_bytes())?;
    expect_eq(
        "offset, value, debounce_us",
        (info.offset, info.value, info.debounce_us),
        (3, 1, 0),
    )?;
    expect_eq("flags", info.flags, uapi::LINE_RISING | uapi::LINE_FALLING)
}

fn edges_are_events(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 4)?;
    let line = ConfigLine::of_chip("one", &chip, 3)?;
    line.go_live()?;
    let number = number_of(device, &line.name())?;
    let queue = gpio_queue(device)?;
    for sequence in 1..=3 {
        chip.pull(3, Pull::Up)?;
        chip.pull(3, Pull::Down)?;
        let events = [queue.next_record()?, queue.next_record()?];
        expect_eq(
            "events",
            events.each_ref().map(told),
            [
                (uapi::KIND_RISING, number, 1),
                (uapi::KIND_FALLING, number, 0),
            ],
        )?;
        expect_eq("line_sequence", events[1].line_sequence, 1 + 2 * sequence)?;
    }
    Ok(())
}

/// Expects `end` to remove a line.
fn expect_removed(device: &Device, end: impl FnOnce(&ConfigLine) -> nix::Result<()>) -> Result<()> {
    let chip = SimChip::new("chip", 4)?;
    let before = device.lines()?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.go_live()?;
    let number = number_of(device, &line.name())?;
    let queue = gpio_queue(device)?;
    chip.pull(0, Pull::Up)?;
    end(&line).context("the end of a line")?;
    let events = [queue.next_record()?, queue.next_record()?];
    expect_eq(
        "events",
        events.each_ref().map(told),
        [
            (uapi::KIND_RISING, number, 1),
            (uapi::KIND_REMOVED, number, 0),
        ],
    )?;
    expect_eq("lines", device.lines()?, before)?;
    let gone = queue.line_info(number);
    expect_errno("MYPOLL_GET_LINE", gone, Errno::ENOENT)?;
    chip.pull(0, Pull::Down)?;
    queue.expect_account(2, 0, 0)
}

fn live_0_removes_the_line(device: &Device) -> Result<()> {
    expect_removed(device, |line| line.set("live", "0"))
}

fn rmdir_of_a_live_line_removes_it(device: &Device) -> Result<()> {
    expect_removed(device, ConfigLine::remove)
}

fn rmdir_leaves_open_files_usable(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 2)?;
    let queue = gpio_queue(device)?;
    let plain = device.open_nonblocking()?;
    for round in 1..=5 {
        let line = ConfigLine::of_chip("one", &chip, 1)?;
        line.go_live()?;
        chip.pull(1, Pull::Up)?;
        chip.pull(1, Pull::Down)?;
        line.remove()?;
        let kinds: Vec<u16> = queue
            .drain_records()?
            .iter()
            .map(|event| event.kind)
            .collect();
        expect_eq(
            format_args!("kinds of round {round}"),
            kinds,
            vec![
                uapi::KIND_ADDED,
                uapi::KIND_RISING,
                uapi::KIND_FALLING,
                uapi::KIND_REMOVED,
            ],
        )?;
        expect_eq("events of the plain file", plain.drain()?.len(), 3)?;
    }
    plain.trigger()
}

fn line_is_free_again_afterwards(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let first = ConfigLine::of_chip("one", &chip, 0)?;
    first.go_live()?;
    let number = number_of(device, &first.name())?;
    first.put("live", "0")?;
    let second = ConfigLine::of_chip("two", &chip, 0)?;
    second.go_live()?;
    let again = number_of(device, &second.name())?;
    expect_eq("the lowest number that is free", again, number)?;
    expect_errno("the first", first.set("live", "1"), Errno::EBUSY)?;
    second.remove()?;
    first.go_live()
}

fn ebusy_line_in_use(device: &Device) -> Result<()> {
    let chip = SimChip::with("chip", 4, &[Setup::Hog(2)])?;
    let lines = device.lines()?;
    let hogged = ConfigLine::of_chip("hogged", &chip, 2)?;
    for _ in 0..3 {
        expect_errno("a hog's line", hogged.set("live", "1"), Errno::EBUSY)?;
        expect_eq("live", hogged.get("live")?.as_str(), "0")?;
        expect_eq("lines", device.lines()?, lines.clone())?;
    }
    // The error can be fixed.
    hogged.put("offset", "3")?;
    hogged.go_live()
}

fn ebusy_line_of_the_device_tree(device: &Device) -> Result<()> {
    SimLine::plain(device)?;
    let lines = device.lines()?;
    let line = ConfigLine::new("taken")?;
    line.put("chip", "mypoll-sim")?;
    line.put("offset", "0")?;
    expect_errno("live", line.set("live", "1"), Errno::EBUSY)?;
    expect_eq("lines", device.lines()?, lines)
}

fn live_twice_changes_nothing(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    let queue = gpio_queue(device)?;
    line.put("live", "0")?;
    line.go_live()?;
    // The result of the second write does not matter.
    let _ = line.set("live", "1");
    expect_eq("live", line.get("live")?.as_str(), "1")?;
    expect_eq("events", queue.drain_records()?.len(), 1)?;
    line.put("live", "0")?;
    line.put("live", "0")?;
    expect_eq("events", queue.drain_records()?.len(), 1)
}

fn unload_is_refused_while_a_folder_is_there(device: &Device) -> Result<()> {
    device.module_file()?;
    let line = ConfigLine::new("one")?;
    expect_errno("delete_module", module::unload(), Errno::EWOULDBLOCK)?;
    line.remove()?;
    expect_eq("delete_module after rmdir", module::unload(), Ok(()))
}

fn lines_come_and_go_while_edges_come(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 2)?;
    let queue = gpio_queue(device)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let toggler = scope.spawn(|| -> Result<()> {
            for pull in [Pull::Up, Pull::Down].into_iter().cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                chip.pull(0, pull)?;
                chip.pull(1, pull)?;
            }
            Ok(())
        });
        let turns = rounds(40).try_for_each(|round| -> Result<()> {
            let lines = [
                ConfigLine::of_chip("one", &chip, 0)?,
                ConfigLine::of_chip("two", &chip, 1)?,
            ];
            for line in &lines {
                line.go_live().with_context(|| format!("round {round}"))?;
            }
            let numbers = [
                number_of(device, &lines[0].name())?,
                number_of(device, &lines[1].name())?,
            ];
            lines[1].remove()?;
            lines[0].put("live", "0")?;
            let events = queue.drain_records()?;
            numbers
                .into_iter()
                .try_for_each(|number| expect_whole(&events, number))
        });
        done.store(true, Ordering::Relaxed);
        toggler
            .join()
            .map_err(|_| anyhow!("the toggler panicked"))??;
        turns
    })
}

/// Expects the events of a line from `added` to `removed`, with alternating levels. The first edge may repeat the level
/// of `added`: a line that changes twice during its setup has one edge then.
fn expect_whole(events: &[Event], number: u32) -> Result<()> {
    let mut level = None;
    let mut is_first = true;
    for event in events.iter().filter(|event| event.line == number) {
        match (event.kind, level) {
            (uapi::KIND_ADDED, None) => level = Some(event.value),
            (uapi::KIND_RISING | uapi::KIND_FALLING, Some(before)) => {
                if !is_first {
                    expect_eq(format_args!("level of {event:?}"), event.value, 1 - before)?;
                }
                is_first = false;
                level = Some(event.value);
            }
            (uapi::KIND_REMOVED, Some(_)) => return Ok(()),
            _ => ensure!(false, "seen {event:?} with level {level:?}"),
        }
    }
    Err(anyhow!("line {number} was never removed"))
}
