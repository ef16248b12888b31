// SPDX-License-Identifier: MIT OR Apache-2.0
//! Derives events from the events of one line.

use std::sync::Arc;

use crate::{
    event::{Kind, Reading, Source},
    journal::Derived,
    lines::Line,
};

/// A derived event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) value: u32,
    /// When it happened; all times are CLOCK_MONOTONIC in nanoseconds.
    pub(super) at: u64,
}

/// An existing line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) number: u32,
    label: Option<Arc<str>>,
}

/// A state machine for the events of one line.
pub(super) trait Machine: Send {
    /// The line became active or inactive.
    fn edge(&mut self, active: bool, at: u64, out: &mut Vec<Found>);
    /// The line is active, inactive or removed; earlier edges are missing.
    fn level(&mut self, active: Option<bool>, at: u64, out: &mut Vec<Found>);
    /// Handles a possible loss of edges.
    fn forget(&mut self, at: u64, out: &mut Vec<Found>);
    /// When something is due without an edge.
    fn deadline(&self) -> Option<u64>;
    /// Handles the deadline, which was before `now`.
    fn fire(&mut self, now: u64, out: &mut Vec<Found>);
    /// Handles the end of events.
    fn end(&mut self, at: u64, out: &mut Vec<Found>);
    /// Whether the line is active and nothing was derived from that so far.
    fn is_fresh(&self) -> bool {
        true
    }
    /// How long it can stay so.
    fn fresh_for(&self) -> u64 {
        u64::MAX
    }
    /// Marks the press as part of something else.
    fn use_up(&mut self, _out: &mut Vec<Found>) {}

    /// Handles all deadlines until `to`.
    fn advance(&mut self, to: u64, out: &mut Vec<Found>) {
        while self.deadline().is_some_and(|deadline| deadline <= to) {
            self.fire(to, out);
        }
    }
}

impl Found {
    /// The derived event of a line.
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
