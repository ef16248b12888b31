// SPDX-License-Identifier: MIT OR Apache-2.0
//! The numbered log of events: one writer, and a cursor for each reader.
//!
//! The newest events are in memory, rendered once for all readers. If configured, more of them are on disk and survive a
//! restart of the agent. The writer never waits for a reader: one that falls behind the oldest stored event gets a
//! [`Gap`] with the number of events that it missed.

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

/// The starting point of a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next event.
    Now,
    /// With the oldest stored event.
    Oldest,
    /// After the event with this number of this session.
    After(SessionId, u64),
}

/// The log, as readers see it. Clones share it.
#[derive(Clone)]
pub struct Journal(Arc<Shared>);

struct Shared {
    identity: Identity,
    state: Mutex<State>,
    /// Wakes waiting cursors.
    appended: Notify,
    /// Cancelled when the writer has closed the journal.
    ended: CancellationToken,
    directory: Option<Arc<Directory>>,
    bookmarks: Bookmarks,
    status: Status,
}

/// Sessions, with the numbers of their first events, the oldest first.
type Sessions = Vec<(SessionId, u64)>;

struct State {
    ring: Ring,
    /// The era of the next event, unless writing it to disk fails.
    era: Arc<Era>,
    /// The sessions that can be resumed.
    sessions: Sessions,
    lines: Lines,
    /// How often lines became active, if that is counted.
    pulses: Option<Pulses>,
    /// Whether the writer has closed the journal.
    closed: bool,
}

/// Size and content of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// The number of the oldest stored event.
    pub first: u64,
    /// The number of the next event.
    pub next: u64,
    /// Events that the source lost, over the whole journal.
    pub lost: u64,
    /// Memory use of the stored events, in bytes.
    pub memory: usize,
    /// Disk use of the files, in bytes; 0 for a journal in memory.
    pub disk: u64,
}

impl Journal {
    /// An empty journal in memory of at most `memory` bytes, and its writer.
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

    /// The configured journal, with its content on disk, and its writer.
    ///
    /// Blocks while reading the files.
    ///
    /// # Errors
    ///
    /// The directory is unreadable, in use by another agent, or of another version.
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

    /// A new reader.
    pub fn cursor(&self, start: Start) -> Cursor {
        Cursor::new(self.clone(), start)
    }

    /// Whether all events from `number` on survive a restart, so that none is in memory only.
    pub fn is_kept_from(&self, number: u64) -> bool {
        let state = self.state();
        let number = number.max(self.first(&state));
        let directory = self.0.directory.as_ref();
        number >= state.ring.next() || directory.is_some_and(|directory| directory.has_from(number))
    }

    /// The identity in its events.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The session and boot of the next event.
    pub fn era(&self) -> Arc<Era> {
        Arc::clone(&self.state().era)
    }

    /// The journal's directory, if it is on disk.
    pub fn folder(&self) -> Option<&Path> {
        self.0.directory.as_deref().map(Directory::path)
    }

    /// Waits until the journal is closed and nothing more is appended.
    pub async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// Whether it is closed.
    pub fn has_ended(&self) -> bool {
        self.0.ended.is_cancelled()
    }

    /// Size and content of the journal.
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

    /// The number of the oldest event, or of the next if there is none.
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
        // Nothing panics while holding the lock, so the state is consistent.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Loads the newest events on disk, up to `next`, so that resuming clients get them from memory.
fn preload(directory: &Directory, next: &Header, limit: usize) -> Ring {
    // In memory an event takes four times its size on disk.
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
    /// The numbers of a session's events, if known.
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

/// Maximum number of remembered sessions, in case the disk fails again and again.
const SESSIONS: usize = 1024;

/// Adds a session if it differs from the last.
fn note(sessions: &mut Sessions, session: SessionId, first: u64) {
    if sessions.last().is_none_or(|(last, _)| *last != session) {
        sessions.push((session, first));
    }
    let forgotten = sessions.len().saturating_sub(SESSIONS);
    sessions.drain(..forgotten);
}

#[cfg(test)]
mod tests;
