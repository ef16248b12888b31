// SPDX-License-Identifier: MIT OR Apache-2.0
//! The place of a sink that outlasts the agent, for those that deliver at least once.

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

/// Up to which event a sink is done. On disk beside the journal, or in memory where that is in memory only.
///
/// What is done is saved within a second. A sink whose agent is killed, or loses power, gets what was done since then a second
/// time; it never misses an event that the journal still has. All bookmarks with the same name are the same one.
#[derive(Clone)]
pub struct Bookmark(Arc<Shared>);

struct Shared {
    name: String,
    directory: Option<(Arc<Directory>, Reporter)>,
    /// Whether nothing was saved of it.
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
    /// Whether it will be saved.
    scheduled: bool,
}

/// The bookmarks that were opened, by name.
#[derive(Default)]
pub(super) struct Bookmarks(Mutex<HashMap<String, Bookmark>>);

/// How soon what is done is saved.
const SOON: Duration = Duration::from_secs(1);

/// How soon at the latest it is tried again when that failed.
const LATER: Duration = Duration::from_secs(60);

impl Bookmark {
    /// The place of the sink with this name, as it was saved. Blocks while it reads the file.
    ///
    /// A damaged file is logged; the sink then begins with the oldest event.
    ///
    /// # Errors
    ///
    /// The file can't be read.
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

    /// Where the sink goes on: after what it is done with, or with the oldest event where that is not known.
    pub fn start(&self) -> Start {
        match lock(&self.0.state).done {
            Some((session, event)) => Start::After(session, event),
            None => Start::Oldest,
        }
    }

    /// Whether there has never been a sink with this name.
    pub fn is_new(&self) -> bool {
        self.0.is_new && lock(&self.0.state).done.is_none()
    }

    /// Says that the sink is done with all events up to this one. To be called within a runtime.
    pub fn done(&self, session: SessionId, event: u64) {
        let mut state = lock(&self.0.state);
        state.done = Some((session, event));
        if self.0.directory.is_some() && !state.scheduled {
            state.scheduled = true;
            tokio::spawn(save_soon(Arc::downgrade(&self.0)));
        }
    }

    /// Saves now, at the end of the sink.
    pub async fn save(&self) {
        Arc::clone(&self.0).save().await;
    }
}

/// Saves until all is saved, or nobody has the bookmark any more.
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
    /// Whether it is saved now.
    async fn save(self: Arc<Self>) -> bool {
        let write = task::spawn_blocking(move || self.write());
        // Where the runtime ends before, it is not saved.
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
                    info!("journal: saving the place of {name} again");
                }
            }
            Err(error) => {
                let reason = format!("cannot save the place of {name}: {error}");
                if reporter.set(Condition::Waiting(reason.clone())) {
                    error!("journal: {reason}: after a restart it gets events again");
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds the lock, so what is there is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
