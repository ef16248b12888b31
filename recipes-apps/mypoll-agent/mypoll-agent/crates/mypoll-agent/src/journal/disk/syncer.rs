// SPDX-License-Identifier: MIT OR Apache-2.0
//! Syncs written data on its own thread, so that a write need not wait for the disk.

use std::{
    fs::File,
    io, mem,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Unsynced data.
#[derive(Default)]
struct Dirty {
    files: Vec<Arc<File>>,
    /// Whether files were created or deleted.
    folder: bool,
    end: bool,
}

#[derive(Default)]
struct Shared {
    dirty: Mutex<Dirty>,
    changed: Condvar,
}

/// The thread.
pub(super) struct Syncer {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl Syncer {
    /// Syncs at most `within` after [`Syncer::written`]; calls `failed` with errors.
    pub(super) fn start(
        folder: PathBuf,
        within: Duration,
        failed: impl Fn(io::Error) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new().name("journal-sync".into()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                while let Some(dirty) = shared.wait(within) {
                    if let Err(error) = dirty.sync(&folder) {
                        failed(error);
                    }
                }
            }
        })?;
        Ok(Self { shared, thread })
    }

    /// Schedules a sync of a file, and of the directory if the file is new.
    pub(super) fn written(&self, file: &Arc<File>, is_new: bool) {
        let mut dirty = self.shared.dirty();
        dirty.folder |= is_new;
        // The newest is the last.
        if dirty
            .files
            .last()
            .is_none_or(|last| !Arc::ptr_eq(last, file))
        {
            dirty.files.push(Arc::clone(file));
            self.shared.changed.notify_one();
        }
    }

    /// Syncs the remaining data and ends the thread.
    pub(super) fn end(self) {
        self.shared.dirty().end = true;
        self.shared.changed.notify_one();
        // The thread does not panic.
        let _ = self.thread.join();
    }
}

impl Shared {
    fn dirty(&self) -> MutexGuard<'_, Dirty> {
        // Nothing panics while holding the lock, so the state is consistent.
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to sync, and then up to `within` for more. `None` at the end.
    fn wait(&self, within: Duration) -> Option<Dirty> {
        let dirty = self
            .changed
            .wait_while(self.dirty(), |dirty| dirty.files.is_empty() && !dirty.end)
            .unwrap_or_else(PoisonError::into_inner);
        let (mut dirty, _) = self
            .changed
            .wait_timeout_while(dirty, within, |dirty| !dirty.end)
            .unwrap_or_else(PoisonError::into_inner);
        if dirty.files.is_empty() {
            return None;
        }
        Some(Dirty {
            files: mem::take(&mut dirty.files),
            folder: mem::take(&mut dirty.folder),
            end: dirty.end,
        })
    }
}

impl Dirty {
    fn sync(&self, folder: &std::path::Path) -> io::Result<()> {
        for file in &self.files {
            file.sync_data()?;
        }
        if self.folder {
            super::sync_folder(folder)?;
        }
        Ok(())
    }
}
