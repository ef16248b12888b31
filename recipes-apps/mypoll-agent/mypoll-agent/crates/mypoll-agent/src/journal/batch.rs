// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events that a cursor returns together.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use super::chunk::{Chunk, Era};
use crate::event::Event;

/// Consecutive events of one era. Never empty.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Ranges of chunks; none is empty.
    parts: Vec<(Arc<Chunk>, Range<usize>)>,
}

impl Batch {
    /// Approximate maximum of a batch's text, in bytes.
    const TEXT: usize = 64 * 1024;

    /// Starts at the event `sequence`, which is in the first of `chunks`.
    pub(super) fn new<'a>(
        chunks: impl Iterator<Item = &'a Arc<Chunk>>,
        sequence: u64,
    ) -> Option<Self> {
        let mut parts: Vec<(Arc<Chunk>, Range<usize>)> = Vec::new();
        let mut size = 0;
        for chunk in chunks {
            if size >= Self::TEXT
                || parts
                    .first()
                    .is_some_and(|(first, _)| first.era != chunk.era)
            {
                break;
            }
            // The cursor may be in the middle of the first chunk.
            let start = sequence.saturating_sub(chunk.first()) as usize;
            let range = start..chunk.events().len();
            size += chunk.text(range.clone()).len();
            parts.push((Arc::clone(chunk), range));
        }
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// The session and boot of the events.
    pub fn era(&self) -> &Arc<Era> {
        &self.parts[0].0.era
    }

    /// The number of the first event.
    pub fn first(&self) -> u64 {
        let (chunk, range) = &self.parts[0];
        chunk.first() + range.start as u64
    }

    /// The number of the event after the last.
    pub fn next(&self) -> u64 {
        self.last().next()
    }

    /// The source's total of lost events up to the last event.
    pub(super) fn lost_after(&self) -> u64 {
        self.last().lost_after()
    }

    /// The events.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.parts
            .iter()
            .flat_map(|(chunk, range)| &chunk.events()[range.clone()])
    }

    /// Each event with its JSON line.
    pub fn lines(&self) -> impl Iterator<Item = (&Event, Bytes)> {
        self.parts.iter().flat_map(|(chunk, range)| {
            range
                .clone()
                .map(|index| (&chunk.events()[index], chunk.text(index..index + 1)))
        })
    }

    /// The event with this number, with its JSON line, if it is in the batch.
    pub fn get(&self, sequence: u64) -> Option<(&Event, Bytes)> {
        self.parts.iter().find_map(|(chunk, range)| {
            let index = usize::try_from(sequence.checked_sub(chunk.first())?).ok()?;
            let event = range.contains(&index).then(|| &chunk.events()[index])?;
            Some((event, chunk.text(index..index + 1)))
        })
    }

    /// The JSON lines of all events, in as few pieces as possible.
    pub fn text(&self) -> impl Iterator<Item = Bytes> {
        self.parts
            .iter()
            .map(|(chunk, range)| chunk.text(range.clone()))
    }

    /// All ranges extend to the end of their chunk.
    fn last(&self) -> &Chunk {
        &self.parts[self.parts.len() - 1].0
    }
}
