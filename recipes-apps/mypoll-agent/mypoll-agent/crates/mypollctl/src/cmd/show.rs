// SPDX-License-Identifier: MIT OR Apache-2.0
//! Facts about the driver and the agent.

use std::io::Write;

use anyhow::{Context as _, Result, bail};
use mypoll::{Device, Sysfs};
use mypoll_protocol::{Level, Levels, Message, Request};
use serde_json::json;

use super::select;
use crate::{
    print::column,
    remote::{Client, Target},
};

/// The statistics of the shared queue.
pub fn stats(sysfs: &Sysfs, json: bool, output: &mut impl Write) -> Result<()> {
    let stats = sysfs.stats()?;
    if json {
        return Ok(writeln!(output, "{}", serde_json::to_string(&stats)?)?);
    }
    Ok(writeln!(output, "{stats}")?)
}

/// The driver's features.
pub fn driver(device: &Device, json: bool, output: &mut impl Write) -> Result<()> {
    let info = device.info()?;
    pairs(
        &[
            ("lines", json!(info.lines)),
            ("queues_max", json!(info.queues_max)),
            ("queues", json!(info.queues)),
            ("mmap", json!(info.mmap)),
            ("levels", json!(info.levels)),
            ("counters", json!(info.counters)),
        ],
        json,
        output,
    )
}

/// The agent's identity.
pub fn agent(target: &Target, json: bool, output: &mut impl Write) -> Result<()> {
    let client = Client::connect(
        target,
        &Request {
            events: false,
            ..Request::default()
        },
    )?;
    let hello = client.hello();
    pairs(
        &[
            ("agent", json!(hello.agent)),
            ("protocol", json!(hello.protocol)),
            ("machine", json!(hello.machine)),
            ("boot", json!(hello.boot)),
            ("session", json!(hello.session)),
            ("next", json!(hello.next)),
        ],
        json,
        output,
    )
}

fn pairs(pairs: &[(&str, serde_json::Value)], json: bool, output: &mut impl Write) -> Result<()> {
    if json {
        let object: serde_json::Map<_, _> = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        return Ok(writeln!(output, "{}", serde_json::Value::Object(object))?);
    }
    for (key, value) in pairs {
        match value.as_str() {
            Some(text) => writeln!(output, "{key}={text}")?,
            None => writeln!(output, "{key}={value}")?,
        }
    }
    Ok(())
}

/// The level of a line of the driver.
pub fn level(device: &Device, line: &str, output: &mut impl Write) -> Result<()> {
    let line = device.line(select::number_of(device, line)?)?;
    Ok(writeln!(output, "{}", u8::from(line.active))?)
}

/// The level of a line of an agent.
pub fn remote_level(target: &Target, line: &str, output: &mut impl Write) -> Result<()> {
    let levels = remote_levels(target)?;
    let found = levels
        .iter()
        .find(|level| level.label.as_deref() == Some(line))
        .or_else(|| levels.iter().find(|level| level.line.to_string() == line));
    let Some(found) = found else {
        let there_are: Vec<_> = levels
            .iter()
            .map(|level| {
                format!(
                    "{} `{}`",
                    level.line,
                    level.label.as_deref().unwrap_or_default()
                )
            })
            .collect();
        bail!(
            "the agent has no line `{line}`; it has: {}",
            there_are.join(", ")
        );
    };
    let active = found.active.context("the level of this line is unknown")?;
    Ok(writeln!(output, "{}", u8::from(active))?)
}

/// The levels of all lines of an agent.
pub fn levels(target: &Target, json: bool, output: &mut impl Write) -> Result<()> {
    let levels = remote_levels(target)?;
    let counted = levels.iter().any(|level| level.pulses.is_some());
    if !json {
        write!(output, "{:>4} {:<24} {:>5}", "LINE", "LABEL", "LEVEL")?;
        if counted {
            write!(output, " {:>10} {:>10}", "PULSES", "PER SECOND")?;
        }
        writeln!(output)?;
    }
    for level in levels {
        if json {
            writeln!(output, "{}", serde_json::to_string(&level)?)?;
            continue;
        }
        let active = level
            .active
            .map_or("?", |active| if active { "1" } else { "0" });
        let label = column(level.label.as_deref().unwrap_or("-"), 24);
        write!(output, "{:>4} {label} {active:>5}", level.line)?;
        if let (Some(pulses), Some(rate)) = (level.pulses, level.rate) {
            write!(output, " {pulses:>10} {rate:>10}")?;
        }
        writeln!(output)?;
    }
    Ok(())
}

fn remote_levels(target: &Target) -> Result<Vec<Level>> {
    let mut client = Client::connect(
        target,
        &Request {
            events: false,
            levels: true,
            ..Request::default()
        },
    )?;
    loop {
        if let Message::Levels(Levels { levels, .. }) = client.answer()? {
            return Ok(levels);
        }
    }
}
