// SPDX-License-Identifier: MIT OR Apache-2.0
//! The newest events in memory, within a bound.

use std::{collections::VecDeque, mem, sync::Arc};

use bytes::Bytes;

use crate::{event::Event, identity::SessionId};

/// In which session, and in which boot, events happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Era {
    /// The session: events are numbered in it.
    pub session: SessionId,
    /// The boot: `timestamp_ns` counts from its start.
    pub boot: Arc<str>,
}

/// Events that were appended together, with their lines of JSON.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) era: Arc<Era>,
    /// One after another; never empty.
    pub(super) events: Box<[Event]>,
    /// The lines of JSON, one after another.
    text: Bytes,
    /// Where in `text` the line of each event ends.
    ends: Box<[u32]>,
    /// Events that the source lost before the first of these, since the agent started.
    pub(super) lost_before: u64,
}

/// Chunks without a gap between them, the oldest first.
#[derive(Debug)]
pub(super) struct Ring {
    chunks: VecDeque<Arc<Chunk>>,
    era: Arc<Era>,
    next: u64,
    lost: u64,
    memory: usize,
    limit: usize,
}

impl Chunk {
    /// Of events whose numbers follow each other; `lost_before` as in the field.
    pub(super) fn new(era: Arc<Era>, events: Vec<Event>, lost_before: u64) -> Self {
        let mut text = Vec::with_capacity(events.len() * 192);
        let mut ends = Vec::with_capacity(events.len());
        for event in &events {
            // Writing to memory doesn't fail, nor does the type.
            let _ = serde_json::to_writer(&mut text, &event.to_protocol());
            text.push(b'\n');
            // At most MAX_EVENTS lines, each below 1 KiB.
            ends.push(text.len() as u32);
        }
        text.shrink_to_fit();
        Self {
            era,
            events: events.into(),
            text: text.into(),
            ends: ends.into(),
            lost_before,
        }
    }

    pub(super) fn first(&self) -> u64 {
        self.events[0].sequence
    }

    pub(super) fn next(&self) -> u64 {
        self.first() + self.events.len() as u64
    }

    /// The lines of the events in `range`.
    pub(super) fn text(&self, range: std::ops::Range<usize>) -> Bytes {
        let at = |index: usize| match index {
            0 => 0,
            _ => self.ends[index - 1] as usize,
        };
        self.text.slice(at(range.start)..at(range.end))
    }

    /// What the source lost before the event at `index` of this chunk, and before it.
    pub(super) fn lost_until(&self, index: usize) -> u64 {
        let lost: u64 = self.events[..index]
            .iter()
            .map(|event| u64::from(event.reading.lost))
            .sum();
        self.lost_before + lost
    }

    fn memory(&self) -> usize {
        mem::size_of::<Self>()
            + mem::size_of_val(&*self.events)
            + mem::size_of_val(&*self.ends)
            + self.text.len()
    }
}

impl Ring {
    /// How many events a chunk has at most.
    pub(super) const MAX_EVENTS: usize = 256;

    pub(super) fn new(era: Era, limit: usize) -> Self {
        Self {
            chunks: VecDeque::new(),
            era: Arc::new(era),
            next: 1,
            lost: 0,
            memory: 0,
            limit,
        }
    }

    /// Appends events, numbered from [`Ring::next`] on, and lets go of the oldest beyond the limit.
    pub(super) fn push(&mut self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let chunk = Chunk::new(Arc::clone(&self.era), events, self.lost);
        debug_assert_eq!(chunk.first(), self.next);
        self.lost = chunk.lost_until(chunk.events.len());
        self.next = chunk.next();
        self.memory += chunk.memory();
        self.chunks.push_back(Arc::new(chunk));
        // The newest chunk stays, whatever its size.
        while self.memory > self.limit && self.chunks.len() > 1 {
            if let Some(oldest) = self.chunks.pop_front() {
                self.memory -= oldest.memory();
            }
        }
    }

    /// The number of the oldest event, or of the next where there is none.
    pub(super) fn first(&self) -> u64 {
        self.chunks.front().map_or(self.next, |chunk| chunk.first())
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    pub(super) fn era(&self) -> &Arc<Era> {
        &self.era
    }

    /// The chunks from the one with event `sequence` on.
    pub(super) fn from(&self, sequence: u64) -> impl Iterator<Item = &Arc<Chunk>> {
        let index = self
            .chunks
            .partition_point(|chunk| chunk.next() <= sequence);
        self.chunks.range(index..)
    }
}
