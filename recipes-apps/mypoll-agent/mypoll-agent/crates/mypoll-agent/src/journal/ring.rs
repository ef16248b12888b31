// SPDX-License-Identifier: MIT OR Apache-2.0
//! The newest events in memory, bounded in size.

use std::{collections::VecDeque, sync::Arc};

use super::chunk::Chunk;

/// Chunks without gaps between them, the oldest first.
#[derive(Debug)]
pub(super) struct Ring {
    chunks: VecDeque<Arc<Chunk>>,
    next: u64,
    lost: u64,
    memory: usize,
    limit: usize,
}

impl Ring {
    /// Empty, before the event `next`, after the source had lost `lost`; limited to `limit` bytes.
    pub(super) fn new(next: u64, lost: u64, limit: usize) -> Self {
        Self {
            chunks: VecDeque::new(),
            next,
            lost,
            memory: 0,
            limit,
        }
    }

    /// Appends a chunk, and drops the oldest beyond the limit. If events are missing before it, they are lost, and the ring
    /// starts over.
    pub(super) fn push(&mut self, chunk: Arc<Chunk>) {
        if chunk.first() != self.next {
            self.chunks.clear();
            self.memory = 0;
        }
        self.lost = chunk.lost_after();
        self.next = chunk.next();
        self.memory += chunk.memory();
        self.chunks.push_back(chunk);
        // The newest chunk stays, whatever its size.
        while self.memory > self.limit && self.chunks.len() > 1 {
            if let Some(oldest) = self.chunks.pop_front() {
                self.memory -= oldest.memory();
            }
        }
    }

    /// The number of the oldest event, or of the next if there is none.
    pub(super) fn first(&self) -> u64 {
        self.chunks.front().map_or(self.next, |chunk| chunk.first())
    }

    /// The source's total of lost events before the oldest event.
    pub(super) fn lost_before(&self) -> u64 {
        self.chunks
            .front()
            .map_or(self.lost, |chunk| chunk.lost_before)
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

    /// The chunks from the one with event `sequence` on.
    pub(super) fn from(&self, sequence: u64) -> impl Iterator<Item = &Arc<Chunk>> {
        let index = self
            .chunks
            .partition_point(|chunk| chunk.next() <= sequence);
        self.chunks.range(index..)
    }
}
