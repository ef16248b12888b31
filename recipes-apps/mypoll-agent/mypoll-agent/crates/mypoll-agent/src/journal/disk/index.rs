// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which segments there are, and which events are in them.

use std::collections::VecDeque;

use super::format::Header;

/// A segment.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) ordinal: u64,
    pub(super) header: Header,
    /// The number after its last event; that of the next segment's first where some are missing between them. One with
    /// a damaged header has none.
    pub(super) end: u64,
    /// In bytes.
    pub(super) length: u64,
    /// Whether it was said that it is damaged.
    pub(super) reported: bool,
}

/// All segments, the oldest first. Neither `header.first` nor `end` falls from one to the next.
#[derive(Debug, Default)]
pub(super) struct Index {
    segments: VecDeque<Segment>,
    /// All events before this one are in the segments, or missing for good.
    pub(super) next: u64,
}

/// What a file takes is counted in blocks.
const BLOCK: u64 = 4096;

impl Index {
    pub(super) fn new(segments: VecDeque<Segment>, next: u64) -> Self {
        Self { segments, next }
    }

    /// Forgets all segments.
    pub(super) fn clear(&mut self) {
        self.segments.clear();
    }

    /// Adds a segment, before which all others end.
    pub(super) fn push(&mut self, segment: Segment) {
        self.close(segment.header.first);
        self.segments.push_back(segment);
    }

    /// Has the last segment end before the event `end`, if it did not end yet.
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

    /// The number of the oldest event, or of the next where there is none.
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

    /// The first segment that may have the event `number` or later ones, its end cut to what was written.
    pub(super) fn find(&self, number: u64) -> Option<Segment> {
        let index = self
            .segments
            .partition_point(|segment| segment.end <= number);
        let mut segment = self.segments.get(index)?.clone();
        segment.end = segment.end.min(self.next);
        (segment.end > number).then_some(segment)
    }

    /// The first event of the last segments that take `length` bytes together.
    pub(super) fn tail(&self, length: u64) -> u64 {
        let mut sum = 0;
        let first = self.segments.iter().rev().find(|segment| {
            sum += segment.length;
            sum >= length
        });
        first.map_or(0, |segment| segment.header.first)
    }

    /// How many bytes the files take.
    pub(super) fn size(&self) -> u64 {
        self.segments
            .iter()
            .map(|segment| segment.length.next_multiple_of(BLOCK))
            .sum()
    }

    /// Takes out the oldest, unless it is the only one, when they take more than `limit` with `more` at the end.
    pub(super) fn pop_beyond(&mut self, limit: u64, more: u64) -> Option<Segment> {
        let too_large = self.size() + more.next_multiple_of(BLOCK) > limit;
        (too_large && self.segments.len() > 1)
            .then(|| self.segments.pop_front())
            .flatten()
    }
}
