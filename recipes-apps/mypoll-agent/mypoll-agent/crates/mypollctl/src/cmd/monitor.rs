// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events as they come.

use std::io::Write;

use anyhow::Result;
use mypoll::{Device, Kind, Record, Sysfs};

/// Prints events, `count` of them or without end, as JSON or as a table with the time in seconds. Their labels are read
/// from `sysfs`, again whenever a line comes.
pub(crate) fn run(
    device: &Device,
    sysfs: &Sysfs,
    json: bool,
    count: Option<u64>,
    output: &mut impl Write,
) -> Result<()> {
    let mut lines = sysfs.lines()?;
    if !json {
        writeln!(
            output,
            "{:>10} {:<6} {:<7} {:>4} {:<16} {:>5} {:>5} {:>16}",
            "EVENT", "SOURCE", "KIND", "LINE", "LABEL", "VALUE", "LOST", "SECONDS"
        )?;
    }
    for _ in 0..count.unwrap_or(u64::MAX) {
        let event = device.read_event()?;
        if event.kind == Kind::Added {
            lines = sysfs.lines()?;
        }
        if json {
            let record = serde_json::to_string(&Record::new(&event, &lines))?;
            writeln!(output, "{record}")?;
        } else {
            writeln!(
                output,
                "{:>10} {:<6} {:<7} {:>4} {:<16} {:>5} {:>5} {:>6}.{:09}",
                event.sequence,
                event.source,
                event.kind,
                event.line,
                lines.label_of(&event).unwrap_or("-"),
                event.value,
                event.lost,
                event.timestamp_ns / 1_000_000_000,
                event.timestamp_ns % 1_000_000_000,
            )?;
        }
    }
    Ok(())
}
