// SPDX-License-Identifier: MIT OR Apache-2.0
//! A request for lines of one chip.

use std::{
    collections::HashMap,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
    sync::Arc,
};

use gpiocdev::{
    Chip, Request,
    line::{EdgeEvent, EdgeKind, Offset, Value, Values},
};

use super::config::Entry;
use crate::{
    event::{Kind, Reading, Source},
    gpio::Missing,
    lines::Line,
    reason::words,
};

/// Maximum number of lines per request (GPIO_V2_LINES_MAX).
pub(super) const LINES_MAX: usize = 64;

/// Maximum number of events that the kernel queues for a request (16 for each of GPIO_V2_LINES_MAX lines).
const BUFFER: u32 = 1024;

/// Maximum number of events per read.
const BATCH: usize = 64;

/// How often levels are read again if edges arrive meanwhile.
const ATTEMPTS: usize = 8;

/// A configured line, and its place.
pub(super) struct Place<'a> {
    pub(super) number: u32,
    pub(super) entry: &'a Entry,
    pub(super) offset: Offset,
}

/// A request for lines of one chip.
pub(super) struct Requested {
    request: Request,
    chip: Arc<str>,
    lines: HashMap<Offset, Numbered>,
    buffer: Vec<u64>,
}

/// A requested line.
struct Numbered {
    number: u32,
    /// The line's own number of its last event. If lines have interrupts at the same time, the request's numbers may be out
    /// of order and repeated.
    sequence: u32,
}

impl Requested {
    /// Requests the lines. The error is for unavailable ones; the others can be requested again.
    pub(super) fn new(
        path: &Path,
        name: &str,
        places: &[Place],
    ) -> Result<Self, Vec<(u32, Missing)>> {
        let mut builder = Request::builder();
        builder
            .on_chip(path)
            .with_consumer("mypoll-agent")
            .with_kernel_event_buffer_size(BUFFER);
        for place in places {
            builder
                .with_line(place.offset)
                .from_line_config(&place.entry.to_request());
        }
        let request = builder.request().map_err(|error| {
            let used = used(path, places);
            if !used.is_empty() {
                return used;
            }
            let reason = format!("{}: {}", path.display(), words(&error));
            let busy = places
                .iter()
                .map(|place| (place.number, Missing::Busy(reason.clone())));
            busy.collect()
        })?;
        let buffer = vec![0; request.edge_event_u64_size() * BATCH];
        Ok(Self {
            request,
            chip: name.into(),
            lines: places
                .iter()
                .map(|place| (place.offset, Numbered::new(place.number)))
                .collect(),
            buffer,
        })
    }

    /// The numbers of its lines.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.lines.values().map(|line| line.number)
    }

    /// The pending events, about `limit` at most.
    pub(super) fn read(&mut self, limit: usize) -> gpiocdev::Result<Vec<Reading>> {
        let mut readings = Vec::new();
        while readings.len() < limit && self.request.has_edge_event()? {
            let count = self.request.read_edge_events_into_slice(&mut self.buffer)?;
            let size = self.request.edge_event_u64_size();
            // It counts words.
            for event in self.buffer[..count].chunks_exact(size) {
                let event = self.request.edge_event_from_slice(event)?;
                let line = self.lines.get_mut(&event.offset);
                readings.extend(line.map(|line| line.reading(&event)));
            }
        }
        Ok(readings)
    }

    /// The levels of the lines, and events that were read until no more arrived.
    pub(super) fn levels(&mut self) -> gpiocdev::Result<(Vec<Reading>, Values)> {
        let mut readings = Vec::new();
        let mut attempt = 1;
        loop {
            let mut values = Values::default();
            self.request.values(&mut values)?;
            let meanwhile = self.read(usize::MAX)?;
            let quiet = meanwhile.is_empty();
            readings.extend(meanwhile);
            if quiet || attempt == ATTEMPTS {
                return Ok((readings, values));
            }
            attempt += 1;
        }
    }

    /// The lines, with these levels.
    pub(super) fn lines(&self, entries: &[Entry], values: &Values) -> Vec<Line> {
        let line = |(offset, line): (&Offset, &Numbered)| {
            let entry = entries.get(line.number as usize)?;
            let active = values.get(*offset) == Some(Value::Active);
            Some(entry.to_line(line.number, Arc::clone(&self.chip), *offset, active))
        };
        self.lines.iter().filter_map(line).collect()
    }
}

impl AsFd for Requested {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.request.as_fd()
    }
}

/// The lines that something else uses.
fn used(path: &Path, places: &[Place]) -> Vec<(u32, Missing)> {
    let Ok(chip) = Chip::from_path(path) else {
        return Vec::new();
    };
    let used = places.iter().filter_map(|place| {
        let info = chip.line_info(place.offset).ok().filter(|info| info.used)?;
        let reason = format!(
            "line {} of {} is used by `{}`",
            place.offset,
            path.display(),
            info.consumer
        );
        Some((place.number, Missing::Busy(reason)))
    });
    used.collect()
}

impl Numbered {
    fn new(number: u32) -> Self {
        Self {
            number,
            sequence: 0,
        }
    }

    fn reading(&mut self, event: &EdgeEvent) -> Reading {
        let (kind, value) = match event.kind {
            EdgeKind::Rising => (Kind::RISING, 1),
            EdgeKind::Falling => (Kind::FALLING, 0),
        };
        let before = std::mem::replace(&mut self.sequence, event.line_seqno);
        Reading {
            timestamp_ns: event.timestamp_ns,
            source: Source::GPIO,
            kind,
            line: self.number,
            value,
            lost: event.line_seqno.wrapping_sub(before).wrapping_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lines_numbers_reveal_its_losses() {
        let mut lines = [Numbered::new(0), Numbered::new(1)];
        // The second line's thread was faster; a bounce arrived before the first line's took the number.
        for (line, seqno, line_seqno, lost) in
            [(1, 2, 1, 0), (0, 3, 1, 0), (0, 3, 2, 0), (1, 9, 5, 3)]
        {
            let event = EdgeEvent {
                timestamp_ns: 1,
                kind: EdgeKind::Rising,
                offset: 0,
                seqno,
                line_seqno,
            };
            assert_eq!(lines[line].reading(&event).lost, lost, "{seqno}");
        }
    }
}
