// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state after the events so far: the lines with their levels, and how often each became active.

use mypoll_protocol::{Level, Levels};

use super::Journal;
use crate::{
    clock,
    identity::SessionId,
    lines::Line,
    pulses::{Pulses, Tally},
};

/// All lines, and the last event included in their levels.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The lines, in ascending order of numbers.
    pub lines: Vec<Line>,
    /// The number of the last event; 0 if there is none.
    pub after: u64,
    /// Pulses of the same events, if they are counted.
    pulses: Option<Pulses>,
}

/// Totals, and the last event included in them.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The session of the event.
    pub session: SessionId,
    /// Its number; 0 if there is none.
    pub event: u64,
    /// The totals.
    pub pulses: Pulses,
}

impl Snapshot {
    /// Whether pulses are counted.
    pub fn counts(&self) -> bool {
        self.pulses.is_some()
    }

    /// How often a line became active, if that is counted.
    pub fn tally(&self, line: &Line) -> Option<Tally> {
        let pulses = self.pulses.as_ref()?;
        Some(pulses.of(line, clock::monotonic_ns()))
    }

    /// In the clients' format.
    pub fn to_protocol(&self) -> Levels {
        let level = |line: &Line| {
            let tally = self.tally(line);
            Level {
                line: line.number,
                label: line.label.as_deref().map(str::to_owned),
                active: line.active,
                pulses: tally.map(|tally| tally.pulses),
                rate: tally.map(|tally| tally.rate),
            }
        };
        Levels {
            levels: self.lines.iter().map(level).collect(),
            after: self.after,
        }
    }
}

impl Journal {
    /// The lines after the last event.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        Snapshot {
            lines: state.lines.iter().cloned().collect(),
            after: state.ring.next() - 1,
            pulses: state.pulses.clone(),
        }
    }

    /// Counts pulses from now on, starting with these totals. Returns the number of the first event that is counted.
    pub fn count(&self, pulses: Pulses) -> u64 {
        let mut state = self.state();
        state.pulses = Some(pulses);
        state.ring.next()
    }

    /// Adds pulses of earlier events.
    pub fn add_counted(&self, before: &Pulses) {
        if let Some(pulses) = &mut self.state().pulses {
            pulses.add(before);
        }
    }

    /// The pulses so far, if they are counted.
    pub fn counted(&self) -> Option<Counted> {
        let state = self.state();
        Some(Counted {
            session: state.era.session,
            event: state.ring.next() - 1,
            pulses: state.pulses.clone()?,
        })
    }

    /// Stops counting, and forgets the totals.
    pub fn stop_counting(&self) {
        self.state().pulses = None;
    }

    /// Waits for an event after the one with this number.
    pub async fn appended_after(&self, event: u64) {
        loop {
            // Register first, so that an append in between wakes it.
            let appended = self.0.appended.notified();
            if self.state().ring.next() > event + 1 {
                return;
            }
            appended.await;
        }
    }
}
