// SPDX-License-Identifier: MIT OR Apache-2.0
//! Consecutive events, with their text.

use std::{mem, ops::Range, sync::Arc};

use bytes::Bytes;

use crate::{event::Event, identity::SessionId};

/// The session and boot of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Era {
    /// The session: events are numbered in it.
    pub session: SessionId,
    /// The boot: `timestamp_ns` counts from its start.
    pub boot: Arc<str>,
}

/// Events with their JSON lines, rendered once for all readers.
#[derive(Debug)]
pub(super) struct Text {
    /// Consecutive; never empty.
    events: Box<[Event]>,
    /// The lines, one after another.
    text: Bytes,
    /// The offset in `text` at which each event's line ends.
    ends: Box<[u32]>,
}

/// Events of one era.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) era: Arc<Era>,
    /// The source's total of lost events before the first of these.
    pub(super) lost_before: u64,
    content: Text,
}

impl Text {
    /// From consecutive events, at least one.
    pub(super) fn of(events: Vec<Event>) -> Self {
        let mut text = Vec::with_capacity(events.len() * 192);
        let mut ends = Vec::with_capacity(events.len());
        for event in &events {
            // Neither writing to memory nor the type can fail.
            let _ = serde_json::to_writer(&mut text, &event.to_protocol());
            text.push(b'\n');
            // At most MAX_EVENTS lines of less than 4 KiB.
            ends.push(text.len() as u32);
        }
        text.shrink_to_fit();
        Self {
            events: events.into(),
            text: text.into(),
            ends: ends.into(),
        }
    }

    /// Belongs to `era`, after the source had lost `lost_before`.
    pub(super) fn into_chunk(self, era: Arc<Era>, lost_before: u64) -> Chunk {
        Chunk {
            era,
            lost_before,
            content: self,
        }
    }
}

impl Chunk {
    /// Maximum number of events per chunk.
    pub(super) const MAX_EVENTS: usize = 256;

    /// Approximate overhead of the allocator and the reference counts, for five allocations.
    const OVERHEAD: usize = 128;

    pub(super) fn events(&self) -> &[Event] {
        &self.content.events
    }

    /// The number of the first event.
    pub(super) fn first(&self) -> u64 {
        self.events()[0].sequence
    }

    /// The number after the last event's.
    pub(super) fn next(&self) -> u64 {
        self.first() + self.events().len() as u64
    }

    /// The lines of the events in `range`.
    pub(super) fn text(&self, range: Range<usize>) -> Bytes {
        let at = |index: usize| match index {
            0 => 0,
            _ => self.content.ends[index - 1] as usize,
        };
        self.content.text.slice(at(range.start)..at(range.end))
    }

    /// The source's total of lost events up to the last event.
    pub(super) fn lost_after(&self) -> u64 {
        self.lost_before + self.events().iter().map(Event::lost).sum::<u64>()
    }

    /// Its size in bytes. A label shared by consecutive events counts once.
    pub(super) fn memory(&self) -> usize {
        let mut last = None;
        let labels = self.events().iter().filter_map(|event| {
            let label = event.label.as_ref()?;
            let counted = last.is_some_and(|last| Arc::ptr_eq(last, label));
            last = Some(label);
            (!counted).then_some(label.len())
        });
        Self::OVERHEAD
            + mem::size_of::<Self>()
            + mem::size_of_val(self.events())
            + mem::size_of_val(&*self.content.ends)
            + self.content.text.len()
            + labels.sum::<usize>()
    }
}
