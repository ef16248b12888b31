// SPDX-License-Identifier: MIT OR Apache-2.0
//! The numbered log of events: one writer, and a cursor for each reader.
//!
//! The newest events are in memory, rendered once for all readers. Nobody waits for a reader: one that falls behind
//! what is kept gets a [`Gap`] that says how many events it can't get any more.

mod batch;
mod cursor;
mod ring;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use batch::Batch;
pub use cursor::{Cursor, Delivery, Gap};
pub use ring::Era;
pub use writer::{Update, Writer};

use crate::{
    identity::{Identity, SessionId},
    lines::{Line, Lines},
};
use ring::Ring;

/// Where a cursor begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next event.
    Now,
    /// With the oldest that is kept.
    Oldest,
    /// After the event with this number of this session.
    After(SessionId, u64),
}

/// The log, as readers see it. A clone is another handle of the same one.
#[derive(Clone)]
pub struct Journal(Arc<Shared>);

struct Shared {
    identity: Identity,
    state: Mutex<State>,
    /// Wakes cursors that wait.
    appended: Notify,
    /// Cancelled when the writer has ended.
    ended: CancellationToken,
}

struct State {
    ring: Ring,
    lines: Lines,
    /// Whether the writer has ended.
    closed: bool,
}

/// All lines, and the last event that is in their levels.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The lines, by rising number.
    pub lines: Vec<Line>,
    /// The number of the last event; 0 is none.
    pub after: u64,
}

/// What the journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// The number of the oldest event that is kept.
    pub first: u64,
    /// The number of the next event.
    pub next: u64,
    /// Events that the source lost, since the agent started.
    pub lost: u64,
    /// How much memory the kept events take, in bytes.
    pub memory: usize,
}

impl Journal {
    /// An empty journal in memory, which takes at most `memory` bytes, and the writer of it.
    pub fn in_memory(identity: Identity, memory: usize) -> (Self, Writer) {
        let era = Era {
            session: SessionId::random(),
            boot: identity.boot.as_str().into(),
        };
        let journal = Self(Arc::new(Shared {
            identity,
            state: Mutex::new(State {
                ring: Ring::new(era, memory),
                lines: Lines::default(),
                closed: false,
            }),
            appended: Notify::new(),
            ended: CancellationToken::new(),
        }));
        let writer = Writer::new(journal.clone());
        (journal, writer)
    }

    /// A reader of its own.
    pub fn cursor(&self, start: Start) -> Cursor {
        Cursor::new(self.clone(), start)
    }

    /// Whose events these are.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The session and boot of the next event.
    pub fn era(&self) -> Arc<Era> {
        Arc::clone(self.state().ring.era())
    }

    /// The lines as the last event left them.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        Snapshot {
            lines: state.lines.iter().cloned().collect(),
            after: state.ring.next() - 1,
        }
    }

    /// Waits for the journal's end: nothing is appended any more.
    pub async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// What the journal holds.
    pub fn stats(&self) -> Stats {
        let state = self.state();
        Stats {
            first: state.ring.first(),
            next: state.ring.next(),
            lost: state.ring.lost(),
            memory: state.ring.memory(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, so what is there is whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
