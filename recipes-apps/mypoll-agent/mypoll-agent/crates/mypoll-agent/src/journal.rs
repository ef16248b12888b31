// SPDX-License-Identifier: MIT OR Apache-2.0
//! The numbered log of events: one writer, and a cursor for each reader.
//!
//! The newest events are in memory, rendered once for all readers; more of them are on disk where that is configured, and
//! over a restart of the agent. Nobody waits for a reader: one that falls behind
//! what is kept gets a [`Gap`] that says how many events it can't get any more.

mod batch;
mod bookmark;
mod chunk;
mod config;
mod cursor;
mod disk;
mod message;
mod ring;
mod snapshot;
mod writer;

use std::{
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use batch::Batch;
pub use bookmark::Bookmark;
pub use chunk::Era;
pub use config::{Config, Sync};
pub use cursor::{Cursor, Delivery, Gap};
pub use disk::OpenError;
pub use snapshot::{Counted, Snapshot};
pub use writer::{Derived, Numbered, Update, Writer};

use crate::{
    identity::{Identity, SessionId},
    lines::Lines,
    pulses::Pulses,
    status::Status,
};
use bookmark::Bookmarks;
use chunk::Chunk;
use disk::{Directory, Header};
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
    directory: Option<Arc<Directory>>,
    bookmarks: Bookmarks,
    status: Status,
}

/// Sessions, with the numbers of their first events, the oldest first.
type Sessions = Vec<(SessionId, u64)>;

struct State {
    ring: Ring,
    /// Of the next event, unless the disk fails with it.
    era: Arc<Era>,
    /// Those that can be resumed.
    sessions: Sessions,
    lines: Lines,
    /// How often lines became active, where that is counted.
    pulses: Option<Pulses>,
    /// Whether the writer has ended.
    closed: bool,
}

/// What the journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// The number of the oldest event that is kept.
    pub first: u64,
    /// The number of the next event.
    pub next: u64,
    /// Events that the source lost, as far as the journal goes back.
    pub lost: u64,
    /// How much memory the kept events take, in bytes.
    pub memory: usize,
    /// How much the files take, in bytes; 0 where the journal is in memory only.
    pub disk: u64,
}

impl Journal {
    /// An empty journal in memory, which takes at most `memory` bytes, and the writer of it.
    pub fn in_memory(identity: Identity, memory: usize) -> (Self, Writer) {
        let era = Era {
            session: SessionId::random(),
            boot: identity.boot.as_str().into(),
        };
        let sessions = vec![(era.session, 1)];
        let ring = Ring::new(1, 0, memory);
        let journal = Self::new(
            identity,
            ring,
            era.into(),
            sessions,
            None,
            Status::default(),
        );
        let writer = Writer::new(journal.clone(), None);
        (journal, writer)
    }

    /// The journal that the configuration asks for, with what it kept on disk, and the writer of it.
    ///
    /// Blocks while it reads the files.
    ///
    /// # Errors
    ///
    /// The folder can't be read, another agent uses it, or it is of another version.
    pub fn open(
        identity: Identity,
        config: &Config,
        status: &Status,
    ) -> Result<(Self, Writer), OpenError> {
        let Some(path) = &config.path else {
            return Ok(Self::in_memory(identity, config.memory));
        };
        let recovered = disk::open(path, &identity)?;
        let directory = Arc::clone(&recovered.directory);
        let mut sessions = recovered.sessions.clone();
        let ring = preload(&directory, &recovered.next, config.memory);
        let reporter = status.reporter("journal");
        let (handle, era) =
            disk::Handle::start(recovered, config, reporter).map_err(|source| OpenError::Io {
                action: "start a thread to write",
                path: path.clone(),
                source,
            })?;
        note(&mut sessions, era.session, ring.next());
        let journal = Self::new(
            identity,
            ring,
            era,
            sessions,
            Some(directory),
            status.clone(),
        );
        let writer = Writer::new(journal.clone(), Some(handle));
        Ok((journal, writer))
    }

    fn new(
        identity: Identity,
        ring: Ring,
        era: Arc<Era>,
        sessions: Sessions,
        directory: Option<Arc<Directory>>,
        status: Status,
    ) -> Self {
        Self(Arc::new(Shared {
            identity,
            state: Mutex::new(State {
                ring,
                era,
                sessions,
                lines: Lines::default(),
                pulses: None,
                closed: false,
            }),
            appended: Notify::new(),
            ended: CancellationToken::new(),
            directory,
            bookmarks: Bookmarks::default(),
            status,
        }))
    }

    /// A reader of its own.
    pub fn cursor(&self, start: Start) -> Cursor {
        Cursor::new(self.clone(), start)
    }

    /// Whether all that it has from the event `number` on is kept over a restart: no part of that is in memory only.
    pub fn is_kept_from(&self, number: u64) -> bool {
        let state = self.state();
        let number = number.max(self.first(&state));
        let directory = self.0.directory.as_ref();
        number >= state.ring.next() || directory.is_some_and(|directory| directory.has_from(number))
    }

    /// Whose events these are.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The session and boot of the next event.
    pub fn era(&self) -> Arc<Era> {
        Arc::clone(&self.state().era)
    }

    /// Where the journal is on disk, its folder.
    pub fn folder(&self) -> Option<&Path> {
        self.0.directory.as_deref().map(Directory::path)
    }

    /// Waits for the journal's end: nothing is appended any more.
    pub async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.0.ended.is_cancelled()
    }

    /// What the journal holds.
    pub fn stats(&self) -> Stats {
        let state = self.state();
        Stats {
            first: self.first(&state),
            next: state.ring.next(),
            lost: state.ring.lost(),
            memory: state.ring.memory(),
            disk: self
                .0
                .directory
                .as_ref()
                .map_or(0, |directory| directory.size()),
        }
    }

    /// The number of the oldest event, or of the next where there is none.
    fn first(&self, state: &State) -> u64 {
        let directory = self.0.directory.as_ref();
        let on_disk = directory.map_or(u64::MAX, |directory| directory.first());
        state.ring.first().min(on_disk)
    }

    fn close(&self) {
        self.state().closed = true;
        self.0.ended.cancel();
        self.0.appended.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, so what is there is whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The newest events on disk, up to `next`: a client that resumes gets them from memory.
fn preload(directory: &Directory, next: &Header, limit: usize) -> Ring {
    // An event takes a quarter of the space there.
    let mut from = directory.tail(limit as u64 / 4);
    let mut ring = Ring::new(from, 0, limit);
    let mut place = None;
    while let Ok((chunk, behind)) = directory.read(from, place) {
        from = chunk.next();
        place = Some(behind);
        ring.push(Arc::new(chunk));
    }
    if ring.next() == next.first {
        ring
    } else {
        Ring::new(next.first, next.lost, limit)
    }
}

impl State {
    /// The numbers of a session's events, as far as it is known.
    fn range_of(&self, session: SessionId) -> Option<Range<u64>> {
        let index = self.sessions.iter().rposition(|(id, _)| *id == session)?;
        let (_, first) = self.sessions[index];
        let end = self
            .sessions
            .get(index + 1)
            .map_or(self.ring.next(), |(_, first)| *first);
        Some(first..end)
    }

    fn push(&mut self, chunk: Arc<Chunk>) {
        if chunk.era.session != self.era.session {
            note(&mut self.sessions, chunk.era.session, chunk.first());
        }
        self.era = Arc::clone(&chunk.era);
        self.ring.push(chunk);
    }
}

/// How many sessions are known: a disk that fails again and again must not fill the memory.
const SESSIONS: usize = 1024;

/// Adds a session, where it is another one than the last.
fn note(sessions: &mut Sessions, session: SessionId, first: u64) {
    if sessions.last().is_none_or(|(last, _)| *last != session) {
        sessions.push((session, first));
    }
    let forgotten = sessions.len().saturating_sub(SESSIONS);
    sessions.drain(..forgotten);
}

#[cfg(test)]
mod tests;
