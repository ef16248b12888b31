// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is derived from the events of one line.

use std::sync::Arc;

use crate::{
    event::{Kind, Reading, Source},
    journal::Derived,
    lines::Line,
};

/// What follows from events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) value: u32,
    /// When it happened, CLOCK_MONOTONIC in nanoseconds, as all times here.
    pub(super) at: u64,
}

/// A line that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) number: u32,
    label: Option<Arc<str>>,
}

/// What is derived from the events of one line.
pub(super) trait Machine: Send {
    /// The line became active or inactive.
    fn edge(&mut self, active: bool, at: u64, out: &mut Vec<Found>);
    /// The line is active or inactive, or has gone; edges before that are missing.
    fn level(&mut self, active: Option<bool>, at: u64, out: &mut Vec<Found>);
    /// Edges may be missing.
    fn forget(&mut self, at: u64, out: &mut Vec<Found>);
    /// When something is to be done without an edge.
    fn deadline(&self) -> Option<u64>;
    /// Does what is to be done at the deadline, which was before `now`.
    fn fire(&mut self, now: u64, out: &mut Vec<Found>);
    /// Nothing comes any more.
    fn end(&mut self, at: u64, out: &mut Vec<Found>);
    /// Whether the line is active and nothing follows from that so far.
    fn is_fresh(&self) -> bool {
        true
    }
    /// For how long it is so at most.
    fn fresh_for(&self) -> u64 {
        u64::MAX
    }
    /// That the line is active is part of something else.
    fn use_up(&mut self, _out: &mut Vec<Found>) {}

    /// Does what is to be done until `to`.
    fn advance(&mut self, to: u64, out: &mut Vec<Found>) {
        while self.deadline().is_some_and(|deadline| deadline <= to) {
            self.fire(to, out);
        }
    }
}

impl Found {
    /// As an event of a line.
    pub(super) fn of(self, line: &Bound, source: Source) -> Derived {
        Derived {
            reading: Reading {
                timestamp_ns: self.at,
                source,
                kind: self.kind,
                line: line.number,
                value: self.value,
                lost: 0,
            },
            label: line.label.clone(),
        }
    }
}

impl Bound {
    pub(super) fn new(line: &Line) -> Self {
        Self {
            number: line.number,
            label: line.label.clone(),
        }
    }
}
