// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events without hardware: each line of text written to a FIFO is an event.
//!
//! For tests, and to try the agent on a machine without driver and buttons.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::PathBuf,
};

use serde::Deserialize;
use thiserror::Error;
use tokio::io::{Interest, unix::AsyncFd};
use tracing::warn;

use crate::{
    clock,
    event::{self, Kind, Reading},
    journal::Update,
    lines::{Line, Settings},
    section::{table::Table, value},
    status::{Reporter, Status},
};

/// Maximum read size in bytes.
const BUFFER: usize = 4096;

/// `[simulated]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The FIFO; it must exist.
    #[serde(deserialize_with = "value::path")]
    pub path: PathBuf,
    /// The labels of the lines, from number 0 on. Default: none.
    #[serde(default)]
    pub labels: Vec<String>,
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[simulated]`";
}

/// Reads a FIFO.
pub struct Simulated {
    fifo: AsyncFd<File>,
    /// An incomplete line.
    partial: Vec<u8>,
    /// The lines, until they were returned.
    lines: Option<Vec<Line>>,
    _reporter: Reporter,
}

/// The syntax of a line: a keyword, and for GPIO a line number and the number of lost events before it; at the end an
/// optional time stamp, by default the current time.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(
    "expected `trigger`, `tick`, `rising LINE [LOST]` or `falling LINE [LOST]`, with `@NANOSECONDS` or without, not `{0}`"
)]
struct NoEvent(String);

impl Simulated {
    /// Opens the FIFO. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// It can't be opened.
    pub fn open(config: &Config, status: &Status) -> io::Result<Self> {
        // Also open for writing, so that it does not end when a writer closes it.
        let fifo = File::options()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&config.path)?;
        if !fifo.metadata()?.file_type().is_fifo() {
            return Err(io::Error::other("not a FIFO: create one with mkfifo"));
        }
        let lines = config.labels.iter().zip(0..).map(|(label, number)| Line {
            number,
            label: Some(label.as_str().into()),
            active: Some(false),
            settings: Settings {
                offset: number,
                rising: true,
                falling: true,
                ..Settings::default()
            },
        });
        #[expect(unsafe_code, reason = "AsyncFd's safe constructors are deprecated")]
        // SAFETY: `File` owns its descriptor, and returns the same one as long as it lives.
        let fifo = unsafe { AsyncFd::register_with_interest(fifo, Interest::READABLE) };
        Ok(Self {
            fifo: fifo.map_err(|error| error.into_parts().1)?,
            partial: Vec::new(),
            lines: Some(lines.collect()),
            _reporter: status.reporter("source"),
        })
    }

    /// The lines, in the first call.
    fn lines(&mut self) -> Option<Update> {
        self.lines.take().map(|lines| Update {
            readings: Vec::new(),
            lines: Some(lines),
        })
    }

    /// Like [`Source::next`](super::Source::next).
    pub async fn next(&mut self) -> Update {
        if let Some(lines) = self.lines() {
            return lines;
        }
        loop {
            let Ok(mut ready) = self.fifo.readable().await else {
                return std::future::pending().await;
            };
            let (count, update) = read(ready.get_inner(), &mut self.partial);
            // It is empty then; only new data makes it readable again.
            if count < BUFFER {
                ready.clear_ready();
            }
            if let Some(update) = update {
                return update;
            }
        }
    }

    /// Like [`Source::take`](super::Source::take).
    pub fn take(&mut self) -> Option<Update> {
        if let Some(lines) = self.lines() {
            return Some(lines);
        }
        loop {
            match read(self.fifo.get_ref(), &mut self.partial) {
                (0, _) => return None,
                (_, Some(update)) => return Some(update),
                (_, None) => {}
            }
        }
    }
}

/// Reads what is available; returns the number of bytes, and their events.
fn read(mut fifo: &File, partial: &mut Vec<u8>) -> (usize, Option<Update>) {
    let mut buffer = [0; BUFFER];
    let count = fifo.read(&mut buffer).unwrap_or(0);
    partial.extend_from_slice(&buffer[..count]);
    let Some(end) = partial.iter().rposition(|byte| *byte == b'\n') else {
        return (count, None);
    };
    let text: Vec<u8> = partial.drain(..=end).collect();
    let mut readings = Vec::new();
    for line in String::from_utf8_lossy(&text).lines() {
        match reading(line) {
            Ok(reading) => readings.push(reading),
            Err(error) => warn!("simulated: {error}"),
        }
    }
    let update = (!readings.is_empty()).then_some(Update {
        readings,
        lines: None,
    });
    (count, update)
}

fn reading(text: &str) -> Result<Reading, NoEvent> {
    let no_event = || NoEvent(text.chars().take(80).collect());
    let (text, timestamp_ns) = match text.split_once('@') {
        Some((text, stamp)) => (text, stamp.trim().parse().map_err(|_| no_event())?),
        None => (text, clock::monotonic_ns()),
    };
    let mut words = text.split_whitespace();
    let (source, kind, value) = match words.next() {
        Some("trigger") => (event::Source::MANUAL, Kind::TRIGGER, 0),
        Some("tick") => (event::Source::TIMER, Kind::TICK, 1),
        Some("rising") => (event::Source::GPIO, Kind::RISING, 1),
        Some("falling") => (event::Source::GPIO, Kind::FALLING, 0),
        _ => return Err(no_event()),
    };
    let mut number = |needed: bool| match words.next() {
        Some(word) => word.parse().map_err(|_| no_event()),
        None if needed => Err(no_event()),
        None => Ok(0),
    };
    let line = number(source == event::Source::GPIO)?;
    let lost = number(false)?;
    Ok(Reading {
        timestamp_ns,
        source,
        kind,
        line,
        value,
        lost,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_text_is_an_event_or_an_error() {
        let edge = reading("rising 3 7").unwrap();
        assert_eq!(
            (edge.kind, edge.line, edge.value, edge.lost),
            (Kind::RISING, 3, 1, 7)
        );
        assert_eq!(reading("tick").unwrap().source, event::Source::TIMER);
        assert_eq!(reading("tick @5").unwrap().timestamp_ns, 5);
        for text in [
            "",
            "tick @",
            "tick @x",
            "rising",
            "rising x",
            "press 1",
            "falling 1 y",
        ] {
            assert_eq!(reading(text), Err(NoEvent(text.to_owned())));
        }
    }
}
