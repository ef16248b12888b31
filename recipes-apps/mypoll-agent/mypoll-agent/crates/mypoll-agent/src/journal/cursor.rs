// SPDX-License-Identifier: MIT OR Apache-2.0
//! A reader's place in the journal.

use std::sync::Arc;

use super::{Batch, Era, Journal, Start, State};

/// A reader's place in the journal.
pub struct Cursor {
    journal: Journal,
    /// The number of the next event to give.
    next: u64,
    /// What the source had lost until there, where it is known.
    lost: Option<u64>,
    /// Of the last event that was given.
    era: Option<Arc<Era>>,
}

/// What a cursor gives.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Events that can't be given any more.
    Gap(Gap),
    /// The events that follow are of another session or boot than those before.
    Era(Arc<Era>),
    /// Events.
    Events(Batch),
}

/// Events that can't be given any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub missed: u64,
    /// How many the source had lost among them, where that is known.
    pub lost: Option<u64>,
}

impl Cursor {
    pub(super) fn new(journal: Journal, start: Start) -> Self {
        let (next, lost, era) = {
            let state = journal.state();
            let ring = &state.ring;
            match start {
                Start::Now => (ring.next(), Some(ring.lost()), Some(Arc::clone(ring.era()))),
                Start::After(session, event) if session == ring.era().session => {
                    let next = event.saturating_add(1).min(ring.next());
                    (next, None, Some(Arc::clone(ring.era())))
                }
                // Of another session nothing is kept, and how much of it is missing can't be told.
                Start::Oldest | Start::After(..) => (ring.first(), None, None),
            }
        };
        Self {
            journal,
            next,
            lost,
            era,
        }
    }

    /// The number of the next event that the cursor gives, or of the first that is missing.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Waits for the next events; `None` behind the last of a journal that was closed. Dropping the future loses none.
    pub async fn next(&mut self) -> Option<Delivery> {
        let journal = self.journal.clone();
        loop {
            // Before looking, so that what is appended in between wakes it.
            let appended = journal.0.appended.notified();
            {
                let state = journal.state();
                if let Some(delivery) = self.take(&state) {
                    return Some(delivery);
                }
                if state.closed {
                    return None;
                }
            }
            appended.await;
        }
    }

    /// What is there now.
    fn take(&mut self, state: &State) -> Option<Delivery> {
        let ring = &state.ring;
        if self.next < ring.first() {
            let missed = ring.first() - self.next;
            let lost = ring
                .from(ring.first())
                .next()
                .map_or(ring.lost(), |chunk| chunk.lost_before);
            let gap = Gap {
                missed,
                lost: self.lost.map(|before| lost - before),
            };
            self.next = ring.first();
            self.lost = Some(lost);
            return Some(Delivery::Gap(gap));
        }
        let batch = Batch::new(ring.from(self.next), self.next)?;
        if self.era.as_ref() != Some(batch.era()) {
            self.era = Some(Arc::clone(batch.era()));
            return Some(Delivery::Era(Arc::clone(batch.era())));
        }
        self.next = batch.next();
        self.lost = Some(batch.lost().1);
        Some(Delivery::Events(batch))
    }
}
