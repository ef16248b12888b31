// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of one chip that were requested together.

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

use super::{config::Entry, find::Missing};
use crate::{
    event::{Kind, Reading, Source},
    lines::Line,
    source::reason::words,
};

/// How many lines a request can have (GPIO_V2_LINES_MAX).
pub(super) const LINES_MAX: usize = 64;

/// How many events the kernel keeps of a request at most (16 for each of GPIO_V2_LINES_MAX lines).
const BUFFER: u32 = 1024;

/// How many events one read takes at most.
const BATCH: usize = 64;

/// How often levels are read anew where edges come meanwhile.
const ATTEMPTS: usize = 8;

/// A line of the configuration, and where it was found.
pub(super) struct Place<'a> {
    pub(super) number: u32,
    pub(super) entry: &'a Entry,
    pub(super) offset: Offset,
}

/// Lines of one chip that were requested together.
pub(super) struct Requested {
    request: Request,
    chip: Arc<str>,
    /// The number of each line, by its offset.
    numbers: HashMap<Offset, u32>,
    /// The number of the last event.
    sequence: u32,
    buffer: Vec<u64>,
}

impl Requested {
    /// Requests the lines. The error is for those that can't be had: try the others again, where there are some.
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
            numbers: places
                .iter()
                .map(|place| (place.offset, place.number))
                .collect(),
            sequence: 0,
            buffer,
        })
    }

    /// The numbers of its lines.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.numbers.values().copied()
    }

    /// The events that are there, `limit` or a few more at most.
    pub(super) fn read(&mut self, limit: usize) -> gpiocdev::Result<Vec<Reading>> {
        let mut readings = Vec::new();
        while readings.len() < limit && self.request.has_edge_event()? {
            let count = self.request.read_edge_events_into_slice(&mut self.buffer)?;
            let size = self.request.edge_event_u64_size();
            // It counts words.
            for event in self.buffer[..count].chunks_exact(size) {
                let event = self.request.edge_event_from_slice(event)?;
                let number = self.numbers.get(&event.offset).copied();
                let lost = event.seqno.wrapping_sub(self.sequence).wrapping_sub(1);
                self.sequence = event.seqno;
                readings.extend(number.map(|number| reading(&event, number, lost)));
            }
        }
        Ok(readings)
    }

    /// The levels of the lines, and events that were read until they were quiet.
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
        let line = |(offset, number): (&Offset, &u32)| {
            let entry = entries.get(*number as usize)?;
            let active = values.get(*offset) == Some(Value::Active);
            Some(entry.to_line(*number, Arc::clone(&self.chip), *offset, active))
        };
        self.numbers.iter().filter_map(line).collect()
    }
}

impl AsFd for Requested {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.request.as_fd()
    }
}

/// Those of the lines that something else uses.
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

fn reading(event: &EdgeEvent, line: u32, lost: u32) -> Reading {
    let (kind, value) = match event.kind {
        EdgeKind::Rising => (Kind::RISING, 1),
        EdgeKind::Falling => (Kind::FALLING, 0),
    };
    Reading {
        timestamp_ns: event.timestamp_ns,
        source: Source::GPIO,
        kind,
        line,
        value,
        lost,
    }
}
