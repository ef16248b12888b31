// SPDX-License-Identifier: MIT OR Apache-2.0

//! The attributes of a line's folder: accepted values, and their effect on the line.

use anyhow::{Context, Result, bail};
use mypoll::uapi;
use nix::errno::Errno;

use super::{gpio_queue, number_of, told};
use crate::check::{expect_eq, expect_errno};
use crate::configfs::{ConfigLine, SimChip};
use crate::device::Device;
use crate::levels::label;
use crate::sim_line::Pull;
use crate::tests::tests;

tests!("configfs.attributes":
    defaults,
    are_read_back,
    ebusy_while_live,
    einval,
    label_names_the_line,
    number_is_the_lines,
    lowest_free_number_by_default,
    active_low,
    each_edge,
    debounce_ms,
    bias,
    newline_at_the_end_is_none_of_the_value,
);

fn defaults(_: &Device) -> Result<()> {
    let line = ConfigLine::new("one")?;
    let name = line.name();
    for (attribute, value) in [
        ("label", name.as_str()),
        ("edge", "both"),
        ("debounce_ms", "0"),
        ("active_low", "0"),
        ("bias", "as-is"),
        ("wakeup", "0"),
        ("live", "0"),
    ] {
        expect_eq(attribute, line.get(attribute)?.as_str(), value)?;
    }
    // Without a chip, there is nothing to enable.
    expect_errno("live without a chip", line.set("live", "1"), Errno::EINVAL)?;
    expect_eq("live", line.get("live")?.as_str(), "0")
}

fn are_read_back(_: &Device) -> Result<()> {
    let line = ConfigLine::new("one")?;
    for (attribute, values) in [
        ("chip", &["gpiochip0", "a chip"][..]),
        ("offset", &["0", "7", "1023"]),
        ("line_name", &["LED.1"]),
        ("label", &["Tür", "a b", "x"]),
        ("edge", &["rising", "falling", "both"]),
        ("debounce_ms", &["1", "50", "0"]),
        ("active_low", &["1", "0"]),
        ("bias", &["pull-up", "pull-down", "disable", "as-is"]),
        ("number", &["0", "1023", "17"]),
        ("wakeup", &["1", "0"]),
    ] {
        for value in values {
            line.put(attribute, value)?;
            expect_eq(attribute, line.get(attribute)?.as_str(), *value)?;
        }
    }
    Ok(())
}

fn ebusy_while_live(_: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 2)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.go_live()?;
    for (attribute, value) in [
        ("chip", chip.label.as_str()),
        ("offset", "1"),
        ("line_name", "x"),
        ("label", "x"),
        ("edge", "rising"),
        ("debounce_ms", "5"),
        ("active_low", "1"),
        ("bias", "pull-up"),
        ("number", "9"),
        ("wakeup", "0"),
    ] {
        let before = line.get(attribute)?;
        expect_errno(attribute, line.set(attribute, value), Errno::EBUSY)?;
        expect_eq(attribute, line.get(attribute)?, before)?;
    }
    line.put("live", "0")?;
    line.put("offset", "1")?;
    line.go_live()
}

fn einval(_: &Device) -> Result<()> {
    let line = ConfigLine::new("one")?;
    for (attribute, values) in [
        ("offset", &["-1", "x", "1x", "4294967296"][..]),
        ("edge", &["\n", "none", "Rising", "rising falling"]),
        ("debounce_ms", &["-1", "x", "5ms", "4294967296"]),
        ("active_low", &["2", "-1", "maybe"]),
        ("bias", &["\n", "up", "pull_up"]),
        ("number", &["1024", "-1", "x", "4294967296"]),
        ("wakeup", &["2", "-1", "maybe"]),
        ("live", &["2", "-1", "maybe"]),
    ] {
        let before = line.get(attribute)?;
        for value in values {
            // The second errno is that of numbers that are too large.
            match line.set(attribute, value) {
                Err(Errno::EINVAL | Errno::ERANGE) => {}
                other => bail!("{attribute}={value}: seen {other:?}, expected EINVAL"),
            }
            expect_eq(attribute, &line.get(attribute)?, &before)?;
        }
    }
    Ok(())
}

fn label_names_the_line(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.put("label", "front door")?;
    line.go_live()?;
    let number = number_of(device, "front door")?;
    let info = device.open()?.line_info(number)?;
    expect_eq("label", label(&info), b"front door")
}

fn number_is_the_lines(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    for number in [1023, 512] {
        line.put("number", &number.to_string())?;
        line.go_live()?;
        expect_eq("number", number_of(device, &line.name())?, number)?;
        line.put("live", "0")?;
    }
    Ok(())
}

fn lowest_free_number_by_default(device: &Device) -> Result<()> {
    let taken: Vec<u32> = device.lines()?.iter().map(|line| line.number).collect();
    let mut free = (0..1024).filter(|number| !taken.contains(number));
    let chip = SimChip::new("chip", 2)?;
    let lines = [
        ConfigLine::of_chip("one", &chip, 0)?,
        ConfigLine::of_chip("two", &chip, 1)?,
    ];
    for line in &lines {
        line.go_live()?;
        let expected = free.next().context("a free number")?;
        expect_eq("number", number_of(device, &line.name())?, expected)?;
    }
    Ok(())
}

fn active_low(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.put("active_low", "1")?;
    let queue = gpio_queue(device)?;
    line.go_live()?;
    let number = number_of(device, &line.name())?;
    let info = queue.line_info(number)?;
    expect_eq(
        "flag",
        info.flags & uapi::LINE_ACTIVE_LOW,
        uapi::LINE_ACTIVE_LOW,
    )?;
    chip.pull(0, Pull::Up)?;
    chip.pull(0, Pull::Down)?;
    let events = queue.drain_records()?;
    expect_eq(
        "events",
        events.iter().map(told).collect(),
        vec![
            (uapi::KIND_ADDED, number, 1),
            (uapi::KIND_FALLING, number, 0),
            (uapi::KIND_RISING, number, 1),
        ],
    )
}

fn each_edge(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    let (rising, falling) = (uapi::KIND_RISING, uapi::KIND_FALLING);
    for (edge, flags, kinds) in [
        ("rising", uapi::LINE_RISING, vec![rising]),
        ("falling", uapi::LINE_FALLING, vec![falling]),
        (
            "both",
            uapi::LINE_RISING | uapi::LINE_FALLING,
            vec![rising, falling],
        ),
    ] {
        line.put("edge", edge)?;
        line.go_live()?;
        let queue = gpio_queue(device)?;
        let number = number_of(device, &line.name())?;
        expect_eq(edge, queue.line_info(number)?.flags, flags)?;
        chip.pull(0, Pull::Up)?;
        chip.pull(0, Pull::Down)?;
        let events = queue.drain_records()?;
        let seen = events.iter().map(|event| event.kind).collect();
        expect_eq(edge, seen, kinds)?;
        line.put("live", "0")?;
    }
    Ok(())
}

fn debounce_ms(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.put("debounce_ms", "30")?;
    line.go_live()?;
    let queue = gpio_queue(device)?;
    let number = number_of(device, &line.name())?;
    let info = queue.line_info(number)?;
    expect_eq("debounce_us", info.debounce_us, 30_000)?;
    chip.pull(0, Pull::Up)?;
    let event = queue.next_record()?;
    expect_eq("event", told(&event), (uapi::KIND_RISING, number, 1))
}

fn bias(_: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    for (bias, before, after) in [
        ("pull-up", Pull::Down, "pull-up"),
        ("pull-down", Pull::Up, "pull-down"),
        ("as-is", Pull::Up, "pull-up"),
    ] {
        line.put("bias", bias)?;
        chip.pull(0, before)?;
        line.go_live()?;
        expect_eq(bias, chip.pulled(0)?.as_str(), after)?;
        line.put("live", "0")?;
    }
    Ok(())
}

fn newline_at_the_end_is_none_of_the_value(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::new("one")?;
    for (attribute, value) in [
        ("chip", format!("{}\n", chip.label)),
        ("offset", "0\n".into()),
        ("label", "spoken\n".into()),
        ("edge", "both\n".into()),
        ("debounce_ms", "0\n".into()),
        ("active_low", "0\n".into()),
        ("bias", "as-is\n".into()),
        ("number", "99\n".into()),
        ("wakeup", "0\n".into()),
        ("live", "1\n".into()),
    ] {
        line.put(attribute, &value)?;
    }
    expect_eq("number", number_of(device, "spoken")?, 99)
}
