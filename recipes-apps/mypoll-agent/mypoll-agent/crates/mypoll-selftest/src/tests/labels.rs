// SPDX-License-Identifier: MIT OR Apache-2.0

//! Valid labels of a line, which are reported byte for byte.

use anyhow::{Context, Result, bail};
use nix::errno::Errno;

use super::tests;
use crate::check::expect_eq;
use crate::configfs::{ConfigLine, SimChip};
use crate::device::Device;
use crate::levels::label;

tests!("labels":
    come_out_as_they_went_in,
    long_ones_are_cut_at_a_character,
    einval,
    interrupt_has_the_label,
);

/// The number of the line with this label in the file `lines`.
fn number_of(device: &Device, wanted: &str) -> Result<u32> {
    let lines = device.lines()?;
    let line = lines.iter().find(|line| line.label == wanted);
    Ok(line
        .with_context(|| format!("no {wanted:?} in {lines:?}"))?
        .number)
}

fn come_out_as_they_went_in(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    for text in [
        "x",
        "Tür",
        "ドア",
        "🔔",
        "front door",
        "a\\b",
        "a\"b'c",
        "label=x",
        "...",
        ".x",
        "%s%n",
    ] {
        line.put("label", text)?;
        expect_eq("attribute", line.get("label")?.as_str(), text)?;
        line.go_live().with_context(|| format!("{text:?}"))?;
        let number = number_of(device, text)?;
        let info = device.open()?.line_info(number)?;
        expect_eq("MYPOLL_GET_LINE", label(&info), text.as_bytes())?;
        line.put("live", "0")?;
    }
    Ok(())
}

fn long_ones_are_cut_at_a_character(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    for (text, kept) in [
        ("x".repeat(63), 63),
        ("x".repeat(64), 63),
        ("x".repeat(255), 63),
        // The character's two bytes are the 63rd and the 64th.
        ("x".repeat(62) + "ü", 62),
        ("x".repeat(61) + "ü", 63),
        ("ド".repeat(22), 63),
        ("x".to_owned() + &"ド".repeat(22), 61),
        ("🔔".repeat(16), 60),
    ] {
        line.put("label", &text)?;
        line.go_live().with_context(|| text.clone())?;
        let number = number_of(device, &text)?;
        let info = device.open()?.line_info(number)?;
        let cut = &text.as_bytes()[..kept];
        expect_eq(text.as_str(), label(&info), cut)?;
        line.put("live", "0")?;
    }
    Ok(())
}

fn einval(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    let lines = device.lines()?;
    let long = "x".repeat(256);
    for text in [
        &b"\n"[..],
        b".",
        b"..",
        b"a/b",
        b"/",
        b"a\x01b",
        b"a\tb",
        b"a\x7fb",
        b"a\nb",
        b"\x1b[31m",
        long.as_bytes(),
    ] {
        // Fails at once, or when the line is enabled.
        let verdict = line.set("label", text).and_then(|()| line.set("live", "1"));
        match verdict {
            Err(Errno::EINVAL) => {}
            other => bail!("{text:x?}: seen {other:?}, expected EINVAL"),
        }
        expect_eq("lines", device.lines()?, lines.clone())?;
    }
    line.put("label", "fine")?;
    line.go_live()
}

fn interrupt_has_the_label(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.put("label", "selftest-Tür")?;
    line.go_live()?;
    number_of(device, "selftest-Tür")?;
    let interrupts = std::fs::read("/proc/interrupts")?;
    let found = interrupts
        .split(|byte| *byte == b'\n')
        .any(|row| row.ends_with("selftest-Tür".as_bytes()));
    expect_eq("an interrupt of that name", found, true)
}
