// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events as a table or as JSON.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use mypoll_protocol::{Event, Message, Missed};

/// How events are printed.
#[derive(Args, Clone, Copy)]
pub struct Format {
    /// Print one JSON object per line instead of a table
    #[arg(long)]
    pub json: bool,
    /// Print the time of day in UTC instead of seconds since boot
    #[arg(long)]
    pub wall_clock: bool,
    /// Whether the columns have room for the agent's own sources and kinds.
    #[arg(skip)]
    wide: bool,
}

/// Width of the label column.
const LABEL: usize = 24;

impl Format {
    /// For the events of an agent.
    pub fn of_agent(self) -> Self {
        Self { wide: true, ..self }
    }

    /// Widths of the source and kind columns.
    fn widths(self) -> (usize, usize) {
        if self.wide { (8, 15) } else { (6, 7) }
    }

    /// Prints the table's header.
    pub fn header(self, output: &mut impl Write) -> Result<()> {
        let (source, kind) = self.widths();
        if !self.json {
            let time = if self.wall_clock { "TIME" } else { "SECONDS" };
            writeln!(
                output,
                "{:>10} {:<source$} {:<kind$} {:>4} {:<LABEL$} {:>5} {:>5} {time:>16}",
                "EVENT", "SOURCE", "KIND", "LINE", "LABEL", "VALUE", "LOST"
            )?;
        }
        Ok(())
    }

    /// Prints an event.
    pub fn event(self, event: &Event<'_>, output: &mut impl Write) -> Result<()> {
        if self.json {
            writeln!(output, "{}", serde_json::to_string(event)?)?;
            return Ok(output.flush()?);
        }
        let time = if self.wall_clock {
            event.time.clone().into_owned()
        } else {
            let (seconds, rest) = (
                event.timestamp_ns / 1_000_000_000,
                event.timestamp_ns % 1_000_000_000,
            );
            format!("{seconds:>6}.{rest:09}")
        };
        let label = event.label.as_deref().unwrap_or("-");
        let (source, kind) = self.widths();
        writeln!(
            output,
            "{:>10} {:<source$} {:<kind$} {:>4} {} {:>5} {:>5} {time:>16}",
            event.event,
            event.source,
            event.kind,
            event.line,
            column(label, LABEL),
            event.value,
            event.lost,
        )?;
        Ok(output.flush()?)
    }

    /// Prints another message of the agent, if it is of interest.
    pub fn message(self, message: &Message<'_>, output: &mut impl Write) -> Result<()> {
        match message {
            Message::Event(event) => self.event(event, output),
            Message::Missed(Missed { missed, lost }) if !self.json => {
                let lost =
                    lost.map_or_else(String::new, |lost| format!(", and the driver lost {lost}"));
                Ok(writeln!(output, "{missed} events are missing here{lost}")?)
            }
            Message::Missed(_) | Message::Session(_) if self.json => {
                Ok(writeln!(output, "{}", serde_json::to_string(message)?)?)
            }
            _ => Ok(()),
        }
    }
}

/// `text` in a column of `width` characters; longer text is cut and ends in an ellipsis.
pub fn column(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return format!("{text:<width$}");
    }
    let cut: String = text.chars().take(width - 1).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_label_keeps_its_column() {
        assert_eq!(column("Tür", 5), "Tür  ");
        assert_eq!(column("front door", 5), "fron…");
    }
}
