// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the events so far come to: the lines with their levels, and how often each became active.

use mypoll_protocol::{Level, Levels};

use super::Journal;
use crate::{
    clock,
    identity::SessionId,
    lines::Line,
    pulses::{Pulses, Tally},
};

/// All lines, and the last event that is in their levels.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The lines, by rising number.
    pub lines: Vec<Line>,
    /// The number of the last event; 0 is none.
    pub after: u64,
    /// Of the same events, where they are counted.
    pulses: Option<Pulses>,
}

/// Totals, and the last event that is in them.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The session of the event.
    pub session: SessionId,
    /// Its number; 0 is none.
    pub event: u64,
    /// The totals.
    pub pulses: Pulses,
}

impl Snapshot {
    /// Whether pulses are counted.
    pub fn counts(&self) -> bool {
        self.pulses.is_some()
    }

    /// How often a line became active, where that is counted.
    pub fn tally(&self, line: &Line) -> Option<Tally> {
        let pulses = self.pulses.as_ref()?;
        Some(pulses.of(line, clock::monotonic_ns()))
    }

    /// As clients get it.
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
    /// The lines as the last event left them.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        Snapshot {
            lines: state.lines.iter().cloned().collect(),
            after: state.ring.next() - 1,
            pulses: state.pulses.clone(),
        }
    }

    /// Counts pulses from now on, beginning with these. The result is the number of the first event that is counted.
    pub fn count(&self, pulses: Pulses) -> u64 {
        let mut state = self.state();
        state.pulses = Some(pulses);
        state.ring.next()
    }

    /// Adds what was counted of events before.
    pub fn add_counted(&self, before: &Pulses) {
        if let Some(pulses) = &mut self.state().pulses {
            pulses.add(before);
        }
    }

    /// What was counted so far, where pulses are counted.
    pub fn counted(&self) -> Option<Counted> {
        let state = self.state();
        Some(Counted {
            session: state.era.session,
            event: state.ring.next() - 1,
            pulses: state.pulses.clone()?,
        })
    }

    /// Counts no more, and forgets what was counted.
    pub fn stop_counting(&self) {
        self.state().pulses = None;
    }

    /// Waits for an event after the one with this number.
    pub async fn appended_after(&self, event: u64) {
        loop {
            // Before looking, so that what is appended in between wakes it.
            let appended = self.0.appended.notified();
            if self.state().ring.next() > event + 1 {
                return;
            }
            appended.await;
        }
    }
}
