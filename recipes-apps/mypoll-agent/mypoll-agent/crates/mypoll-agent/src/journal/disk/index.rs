// SPDX-License-Identifier: MIT OR Apache-2.0
//! Index of the segments and their events.

use std::collections::VecDeque;

use super::format::Header;

/// A segment.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) ordinal: u64,
    pub(super) header: Header,
    /// The number after its last event; if events are missing after it, the number of the next segment's first event. A
    /// segment with a damaged header has no events.
    pub(super) end: u64,
    /// In bytes.
    pub(super) length: u64,
    /// Whether its damage was logged.
    pub(super) reported: bool,
}

/// All segments, the oldest first. Both `header.first` and `end` are ascending.
#[derive(Debug, Default)]
pub(super) struct Index {
    segments: VecDeque<Segment>,
    /// All events before this one are in the segments, or lost.
    pub(super) next: u64,
}

/// File sizes are counted in blocks.
const BLOCK: u64 = 4096;

impl Index {
    pub(super) fn new(segments: VecDeque<Segment>, next: u64) -> Self {
        Self { segments, next }
    }

    /// Forgets all segments.
    pub(super) fn clear(&mut self) {
        self.segments.clear();
    }

    /// Adds a segment; all others end before it.
    pub(super) fn push(&mut self, segment: Segment) {
        self.close(segment.header.first);
        self.segments.push_back(segment);
    }

    /// Ends the last segment before the event `end`, unless it has an end already.
    pub(super) fn close(&mut self, end: u64) {
        if let Some(last) = self.segments.back_mut() {
            last.end = last.end.min(end);
        }
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut Segment> {
        self.segments.back_mut()
    }

    pub(super) fn get_mut(&mut self, ordinal: u64) -> Option<&mut Segment> {
        self.segments
            .iter_mut()
            .find(|segment| segment.ordinal == ordinal)
    }

    /// The number of the oldest event, or of the next if there is none.
    pub(super) fn first(&self) -> u64 {
        self.segments
            .iter()
            .find(|segment| segment.header.first < segment.end.min(self.next))
            .map_or(self.next, |segment| segment.header.first)
    }

    /// Whether all events from `number` on are in the segments.
    pub(super) fn has_from(&self, number: u64) -> bool {
        let mut number = number;
        for segment in &self.segments {
            if segment.header.first <= number && number < segment.end {
                number = segment.end.min(self.next);
            }
        }
        number >= self.next
    }

    /// The first segment that may have the event `number` or later ones, limited to the written events.
    pub(super) fn find(&self, number: u64) -> Option<Segment> {
        let index = self
            .segments
            .partition_point(|segment| segment.end <= number);
        let mut segment = self.segments.get(index)?.clone();
        segment.end = segment.end.min(self.next);
        (segment.end > number).then_some(segment)
    }

    /// The first event of the last segments with a total of `length` bytes.
    pub(super) fn tail(&self, length: u64) -> u64 {
        let mut sum = 0;
        let first = self.segments.iter().rev().find(|segment| {
            sum += segment.length;
            sum >= length
        });
        first.map_or(0, |segment| segment.header.first)
    }

    /// The size of the files in bytes.
    pub(super) fn size(&self) -> u64 {
        self.segments
            .iter()
            .map(|segment| segment.length.next_multiple_of(BLOCK))
            .sum()
    }

    /// Removes the oldest segment, unless it is the only one, if with `more` bytes they would exceed `limit`.
    pub(super) fn pop_beyond(&mut self, limit: u64, more: u64) -> Option<Segment> {
        let too_large = self.size() + more.next_multiple_of(BLOCK) > limit;
        (too_large && self.segments.len() > 1)
            .then(|| self.segments.pop_front())
            .flatten()
    }
}
