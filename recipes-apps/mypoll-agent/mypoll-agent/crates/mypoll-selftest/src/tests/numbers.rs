// SPDX-License-Identifier: MIT OR Apache-2.0

//! Two lines that request the same number: both exist.

use anyhow::{Context, Result, ensure};

use super::tests;
use crate::check::expect_eq;
use crate::configfs::{ConfigLine, SimChip};
use crate::device::{Device, Line};
use crate::queue::Queue;
use crate::sim_line::SimLine;

tests!("numbers":
    taken_reg_gets_the_lowest_free_one,
    moved_line_moves_no_other,
    reg_is_back_when_it_is_free,
    each_line_has_one_of_its_own,
);

/// Creates a line with the number of another line in the device tree.
fn take(device: &Device, chip: &SimChip, number: u32) -> Result<ConfigLine> {
    let line = ConfigLine::of_chip("thief", chip, 0)?;
    device.binding()?.unbind()?;
    line.put("number", &number.to_string())?;
    line.go_live()?;
    device.binding()?.bind()?;
    Ok(line)
}

/// The lowest number that none of `lines` has.
fn lowest_free(lines: &[Line]) -> u32 {
    let taken: Vec<u32> = lines.iter().map(|line| line.number).collect();
    let free = (0..1024).find(|number| !taken.contains(number));
    free.expect("the lines of the tests are few")
}

fn taken_reg_gets_the_lowest_free_one(device: &Device) -> Result<()> {
    let before = device.lines()?;
    let reg = SimLine::plain(device)?.number;
    let chip = SimChip::new("chip", 1)?;
    let thief = take(device, &chip, reg)?;
    let lines = device.lines()?;
    expect_eq("lines", lines.len(), before.len() + 1)?;
    let of = |label: &str| lines.iter().find(|line| line.label == label);
    let stolen = of(&thief.name()).context("the first line")?;
    expect_eq("the first line's", stolen.number, reg)?;
    let moved = SimLine::plain(device)?;
    expect_eq("the other one's", moved.number, lowest_free(&before))?;
    for line in before.iter().filter(|line| line.number != reg) {
        expect_eq("a line", of(&line.label), Some(line))?;
    }
    // Its events have that number.
    let queue = Queue::open(device, Default::default())?;
    moved.press()?;
    expect_eq("line", queue.next_record()?.line, moved.number)
}

/// In any order of setup, no line gets the number that the device tree assigns to a later one.
fn moved_line_moves_no_other(device: &Device) -> Result<()> {
    let before = device.lines()?;
    let chip = SimChip::new("chip", 1)?;
    for taken in &before {
        let thief = take(device, &chip, taken.number)?;
        let lines = device.lines()?;
        let moved = lines.iter().find(|line| line.label == taken.label);
        let moved = moved.context("the moved line")?;
        expect_eq("its number", moved.number, lowest_free(&before))?;
        for line in before.iter().filter(|line| *line != taken) {
            ensure!(lines.contains(line), "{} is not as it was", line.label);
        }
        thief.remove()?;
        device.binding()?.unbind()?;
        device.binding()?.bind()?;
    }
    Ok(())
}

fn reg_is_back_when_it_is_free(device: &Device) -> Result<()> {
    let before = device.lines()?;
    let chip = SimChip::new("chip", 1)?;
    let thief = take(device, &chip, SimLine::plain(device)?.number)?;
    ensure!(device.lines()? != before, "no number was taken");
    thief.remove()?;
    device.binding()?.unbind()?;
    device.binding()?.bind()?;
    expect_eq("lines", device.lines()?, before)
}

/// A folder that requests a number in use gets the lowest free one.
fn each_line_has_one_of_its_own(device: &Device) -> Result<()> {
    let before = device.lines()?;
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    let free = lowest_free(&before);
    for known in &before {
        line.put("number", &known.number.to_string())?;
        line.go_live()?;
        expect_eq("number", line.get("number")?, free.to_string())?;
        let lines = device.lines()?;
        expect_eq("lines", lines.len(), before.len() + 1)?;
        ensure!(
            before.iter().all(|known| lines.contains(known)),
            "seen {lines:?}, expected all of {before:?}"
        );
        line.put("live", "0")?;
    }
    Ok(())
}
