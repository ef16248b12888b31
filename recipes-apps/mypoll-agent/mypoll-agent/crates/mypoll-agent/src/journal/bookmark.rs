// SPDX-License-Identifier: MIT OR Apache-2.0
//! A sink's persistent position, for delivery at least once.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{task, time};
use tracing::{error, info};

use super::{Journal, OpenError, Start, disk::Directory};
use crate::{
    identity::SessionId,
    status::{Condition, Reporter},
};

/// The last event that a sink has processed. Saved beside the journal, or only in memory if the journal is in memory.
///
/// Progress is saved within a second. If the agent is killed or loses power, the sink gets the events since then a second
/// time; it never misses an event that the journal still has. Bookmarks with the same name are shared.
#[derive(Clone)]
pub struct Bookmark(Arc<Shared>);

struct Shared {
    name: String,
    directory: Option<(Arc<Directory>, Reporter)>,
    /// Whether no position was saved before.
    is_new: bool,
    state: Mutex<State>,
    /// Held while the file is written.
    file: Mutex<()>,
}

/// The session and number of an event.
type Place = (SessionId, u64);

struct State {
    done: Option<Place>,
    saved: Option<Place>,
    /// Whether a save is scheduled.
    scheduled: bool,
}

/// The open bookmarks, by name.
#[derive(Default)]
pub(super) struct Bookmarks(Mutex<HashMap<String, Bookmark>>);

/// Delay before progress is saved.
const SOON: Duration = Duration::from_secs(1);

/// Longest delay before a failed save is repeated.
const LATER: Duration = Duration::from_secs(60);

impl Bookmark {
    /// The saved position of the sink with this name. Blocks while reading the file.
    ///
    /// A damaged file is logged; the sink then starts with the oldest event.
    ///
    /// # Errors
    ///
    /// The file is unreadable.
    pub fn open(journal: &Journal, name: &str) -> Result<Self, OpenError> {
        let mut bookmarks = lock(&journal.0.bookmarks.0);
        if let Some(bookmark) = bookmarks.get(name) {
            return Ok(bookmark.clone());
        }
        let directory = journal.0.directory.as_ref();
        let saved = match directory {
            Some(directory) => directory.saved(name)?,
            None => None,
        };
        let is_new = directory.is_none_or(|directory| !directory.has_saved(name));
        let directory = directory.map(|directory| {
            let reporter = journal.0.status.reporter(format!("cursor {name}"));
            (Arc::clone(directory), reporter)
        });
        let bookmark = Self(Arc::new(Shared {
            name: name.to_owned(),
            directory,
            is_new,
            state: Mutex::new(State {
                done: saved,
                saved,
                scheduled: false,
            }),
            file: Mutex::default(),
        }));
        bookmarks.insert(name.to_owned(), bookmark.clone());
        Ok(bookmark)
    }

    /// The sink's starting point: after its last processed event, or with the oldest event if that is unknown.
    pub fn start(&self) -> Start {
        match lock(&self.0.state).done {
            Some((session, event)) => Start::After(session, event),
            None => Start::Oldest,
        }
    }

    /// Whether no sink with this name has run before.
    pub fn is_new(&self) -> bool {
        self.0.is_new && lock(&self.0.state).done.is_none()
    }

    /// Marks all events up to this one as processed. Must be called within a runtime.
    pub fn done(&self, session: SessionId, event: u64) {
        let mut state = lock(&self.0.state);
        state.done = Some((session, event));
        if self.0.directory.is_some() && !state.scheduled {
            state.scheduled = true;
            tokio::spawn(save_soon(Arc::downgrade(&self.0)));
        }
    }

    /// Saves now, when the sink ends.
    pub async fn save(&self) {
        Arc::clone(&self.0).save().await;
    }
}

/// Saves until everything is saved, or the bookmark is dropped.
async fn save_soon(bookmark: Weak<Shared>) {
    let mut wait = SOON;
    loop {
        time::sleep(wait).await;
        let Some(shared) = bookmark.upgrade() else {
            return;
        };
        if !Arc::clone(&shared).save().await {
            wait = (wait * 2).min(LATER);
            continue;
        }
        wait = SOON;
        let mut state = lock(&shared.state);
        if state.saved == state.done {
            state.scheduled = false;
            return;
        }
    }
}

impl Shared {
    /// Saves; returns whether that succeeded.
    async fn save(self: Arc<Self>) -> bool {
        let write = task::spawn_blocking(move || self.write());
        // If the runtime shuts down first, it is not saved.
        write.await.unwrap_or(false)
    }

    fn write(&self) -> bool {
        let Some((directory, reporter)) = &self.directory else {
            return true;
        };
        let _file = lock(&self.file);
        let _busy = reporter.busy();
        let (done, saved) = {
            let state = lock(&self.state);
            (state.done, state.saved)
        };
        let Some(place) = done.filter(|_| done != saved) else {
            return true;
        };
        let outcome = directory.save(&self.name, place);
        if outcome.is_ok() {
            lock(&self.state).saved = done;
        }
        self.report(reporter, &outcome);
        outcome.is_ok()
    }

    fn report(&self, reporter: &Reporter, outcome: &io::Result<()>) {
        let name = &self.name;
        match outcome {
            Ok(()) => {
                if reporter.set(Condition::Working) {
                    info!("journal: saving the position of {name} again");
                }
            }
            Err(error) => {
                let reason = format!("cannot save the position of {name}: {error}");
                if reporter.set(Condition::Waiting(reason.clone())) {
                    error!("journal: {reason}: after a restart it repeats events");
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while holding the lock, so the state is consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
