// SPDX-License-Identifier: MIT OR Apache-2.0
//! The GPIO lines, with their levels and counters.

use std::io::Write;

use anyhow::Result;
use mypoll::{Device, Error, LineInfo};

use crate::print::column;

/// Width of the label column.
const LABEL: usize = 24;

/// Width of the chip column.
const CHIP: usize = 10;

/// Queries each line of the driver.
pub fn of(device: &Device) -> Result<Vec<LineInfo>, Error> {
    device
        .info()?
        .lines
        .into_iter()
        .filter_map(|number| match device.line(number) {
            // Removed in the meantime.
            Err(Error::NoLine { .. }) => None,
            line => Some(line),
        })
        .collect()
}

/// Prints lines, as JSON or as a table.
pub fn print(lines: &[LineInfo], json: bool, output: &mut impl Write) -> Result<()> {
    if json {
        for line in lines {
            writeln!(output, "{}", serde_json::to_string(line)?)?;
        }
        return Ok(());
    }
    writeln!(
        output,
        "{:>4} {:<LABEL$} {:>5} {:<CHIP$} {:>4} {:>9} {:>10} {:>10} {:>10} {:>10}",
        "LINE",
        "LABEL",
        "LEVEL",
        "CHIP",
        "GPIO",
        "DEBOUNCE",
        "EDGES",
        "REPORTED",
        "BOUNCED",
        "DROPPED"
    )?;
    for line in lines {
        let debounce = line
            .debounce
            .map_or("-".to_owned(), |time| format!("{time:?}"));
        writeln!(
            output,
            "{:>4} {} {:>5} {} {:>4} {debounce:>9} {:>10} {:>10} {:>10} {:>10}",
            line.number,
            column(&line.label, LABEL),
            u8::from(line.active),
            column(&line.chip, CHIP),
            line.offset,
            line.edges,
            line.reported,
            line.bounced,
            line.dropped
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mypoll::uapi;

    use super::*;

    fn printed(json: bool) -> String {
        let mut raw = uapi::Line {
            number: 1,
            offset: 17,
            value: 1,
            flags: uapi::LINE_ACTIVE_LOW | uapi::LINE_RISING,
            debounce_us: 5000,
            line_sequence: 43,
            edges: 120,
            reported: 43,
            bounced: 77,
            dropped: 2,
            ..Default::default()
        };
        raw.label[..5].copy_from_slice("Tür\0".as_bytes());
        raw.chip[..9].copy_from_slice(b"gpiochip0");
        let mut output = Vec::new();
        print(&[raw.into()], json, &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn a_table_has_a_line_for_each() {
        assert_eq!(
            printed(false),
            "LINE LABEL                    LEVEL CHIP       GPIO  DEBOUNCE      EDGES   REPORTED    BOUNCED    DROPPED\n\
             \u{20}  1 Tür                          1 gpiochip0    17       5ms        120         43         77          2\n"
        );
    }

    #[test]
    fn json_has_the_settings_too() {
        assert_eq!(
            printed(true),
            "{\"line\":1,\"chip\":\"gpiochip0\",\"offset\":17,\"label\":\"Tür\",\"active\":true,\"active_low\":true,\"rising\":true,\
             \"falling\":false,\"wakeup\":false,\"debounce_us\":5000,\"debounced_by_driver\":false,\
             \"line_sequence\":43,\"edges\":120,\"reported\":43,\"bounced\":77,\"dropped\":2}\n"
        );
    }
}
