// SPDX-License-Identifier: MIT OR Apache-2.0
//! The journal on disk: a directory of segments; the oldest are deleted first. docs/journal-format.md describes the format.
//!
//! One thread ([`writer`]) appends, another ([`syncer`]) syncs, and cursors read the files themselves.

mod cursors;
pub(crate) mod format;
mod handle;
mod index;
mod lock;
mod read;
pub(crate) mod records;
mod recovery;
mod syncer;
mod writer;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use thiserror::Error;

use crate::file::sync_folder;
pub(super) use format::Header;
pub(super) use handle::Handle;
use index::Index;
use lock::Lock;
pub(super) use read::Place;
pub(super) use recovery::{Recovered, open};

/// Why a directory cannot hold the journal.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A system call failed.
    #[error("cannot {action} {} (journal.path)", path.display())]
    Io {
        /// The failed operation.
        action: &'static str,
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another agent uses the directory.
    #[error(
        "another mypoll-agent uses {} (journal.path): use a separate directory for each agent",
        path.display()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// A file has another version.
    #[error(
        "{} is of version {version} of the journal's format, this agent reads version {}: \
         start an agent that reads it, or move the folder away to begin a new journal",
        path.display(),
        format::VERSION
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u16,
    },
}

impl OpenError {
    /// Wraps the system's error for an operation on `path`.
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = PathBuf::from(path);
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// The journal's directory and its content.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    index: Mutex<Index>,
    lock: Mutex<Lock>,
}

impl Directory {
    fn index(&self) -> MutexGuard<'_, Index> {
        // Nothing panics while holding the lock, so the state is consistent.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the oldest event, or of the next if there is none.
    pub(super) fn first(&self) -> u64 {
        self.index().first()
    }

    /// The size of the segments in bytes.
    pub(super) fn size(&self) -> u64 {
        self.index().size()
    }

    /// Whether all events from `number` on are on disk.
    pub(super) fn has_from(&self, number: u64) -> bool {
        self.index().has_from(number)
    }

    /// The first event of the last segments with a total of `length` bytes.
    pub(super) fn tail(&self, length: u64) -> u64 {
        self.index().tail(length)
    }

    /// Fails if the directory is no longer this agent's.
    fn check(&self) -> io::Result<()> {
        self.lock().check(&self.path)
    }

    /// Takes the directory again, without any segments, after it was removed or replaced.
    fn take_again(&self) -> io::Result<()> {
        let mut lock = self.lock();
        if lock.check(&self.path).is_ok() {
            return Ok(());
        }
        let new = Lock::take(&self.path).map_err(io::Error::other)?;
        if !recovery::ordinals(&self.path)?.is_empty() {
            let problem = "another journal is there now: restart the agent to use it";
            return Err(io::Error::other(problem));
        }
        self.index().clear();
        *lock = new;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Lock> {
        // As above.
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segment(&self, ordinal: u64) -> PathBuf {
        self.path.join(segment_name(ordinal))
    }
}

/// Segments are numbered in order of creation.
fn segment_name(ordinal: u64) -> String {
    format!("{ordinal:010}.segment")
}

fn ordinal_of(name: &Path) -> Option<u64> {
    let name = name.to_str()?;
    let ordinal = name.strip_suffix(".segment")?.parse().ok()?;
    (segment_name(ordinal) == name).then_some(ordinal)
}

#[cfg(test)]
mod tests;
