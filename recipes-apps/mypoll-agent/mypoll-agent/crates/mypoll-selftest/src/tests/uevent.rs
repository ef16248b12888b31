// SPDX-License-Identifier: MIT OR Apache-2.0

//! Uevents of added and removed lines.

use std::collections::BTreeSet;

use anyhow::Result;

use super::tests;
use crate::check::expect_eq;
use crate::configfs::{ConfigLine, SimChip};
use crate::device::Device;
use crate::sim_line::SimLine;
use crate::uevents::{Uevent, Uevents};

tests!("uevent":
    each_line_of_the_device_tree,
    a_line_of_configfs,
    edges_send_none,
);

/// Line, label and kind.
fn told(event: &Uevent) -> [String; 3] {
    ["MYPOLL_LINE", "MYPOLL_LABEL", "MYPOLL_ACTION"]
        .map(|key| event.get(key).cloned().unwrap_or_default())
}

fn expect_of_the_device(event: &Uevent) -> Result<()> {
    for (key, value) in [
        ("ACTION", "change"),
        ("SUBSYSTEM", "platform"),
        ("DRIVER", "mypoll"),
    ] {
        let seen = event.get(key).map(String::as_str);
        expect_eq(format_args!("{key} of {event:?}"), seen, Some(value))?;
    }
    Ok(())
}

fn each_line_of_the_device_tree(device: &Device) -> Result<()> {
    let lines = device.lines()?;
    let binding = device.binding()?;
    let uevents = Uevents::new()?;
    for _ in 0..2 {
        for action in ["removed", "added"] {
            if action == "removed" {
                binding.unbind()?;
            } else {
                binding.bind()?;
            }
            let mut seen = BTreeSet::new();
            for _ in &lines {
                let event = uevents.next_of_a_line()?;
                expect_of_the_device(&event)?;
                seen.insert(told(&event));
            }
            let expected = lines
                .iter()
                .map(|line| [line.number.to_string(), line.label.clone(), action.into()])
                .collect();
            expect_eq("uevents", seen, expected)?;
        }
    }
    Ok(())
}

fn a_line_of_configfs(device: &Device) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.put("label", "Tür")?;
    line.put("number", "1000")?;
    let uevents = Uevents::new()?;
    line.go_live()?;
    let event = uevents.next_of_a_line()?;
    expect_of_the_device(&event)?;
    expect_eq(
        "uevent",
        told(&event),
        ["1000", "Tür", "added"].map(str::to_owned),
    )?;
    line.remove()?;
    let event = uevents.next_of_a_line()?;
    expect_eq(
        "uevent",
        told(&event),
        ["1000", "Tür", "removed"].map(str::to_owned),
    )?;
    expect_eq(
        "lines",
        device.lines()?.iter().any(|line| line.number == 1000),
        false,
    )
}

fn edges_send_none(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let uevents = Uevents::new()?;
    let handle = device.open_nonblocking()?;
    line.press()?;
    line.release()?;
    for _ in 0..2 {
        handle.next_event()?;
    }
    // A uevent that must arrive, and any that were sent before it.
    device.binding()?.unbind()?;
    let mut events = vec![uevents.next_of_a_line()?];
    events.extend(uevents.of_lines());
    for event in events {
        expect_eq("action", told(&event)[2].as_str(), "removed")?;
    }
    Ok(())
}
