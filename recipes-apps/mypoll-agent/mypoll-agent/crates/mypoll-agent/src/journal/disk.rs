// SPDX-License-Identifier: MIT OR Apache-2.0
//! The journal on disk: a folder of segments, which are deleted from the oldest on. docs/journal-format.md has the format.
//!
//! One thread ([`writer`]) appends, another ([`syncer`]) syncs, and cursors read the files on their own.

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

/// Why a folder can't be the journal's.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The system does not let us.
    #[error("cannot {action} {} (journal.path)", path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another agent uses it.
    #[error(
        "another mypoll-agent uses {} (journal.path): give each agent a folder of its own",
        path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A file is of another version.
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
    /// The action of `path` fails with what the system says.
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = PathBuf::from(path);
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// The folder, and what is in it.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    index: Mutex<Index>,
    lock: Mutex<Lock>,
}

impl Directory {
    fn index(&self) -> MutexGuard<'_, Index> {
        // Nothing panics while it holds the lock, so what is there is whole.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the oldest event, or of the next where there is none.
    pub(super) fn first(&self) -> u64 {
        self.index().first()
    }

    /// How many bytes the segments take.
    pub(super) fn size(&self) -> u64 {
        self.index().size()
    }

    /// Whether all events from `number` on are here.
    pub(super) fn has_from(&self, number: u64) -> bool {
        self.index().has_from(number)
    }

    /// The first event of the last segments that take `length` bytes together.
    pub(super) fn tail(&self, length: u64) -> u64 {
        self.index().tail(length)
    }

    /// Fails where the folder is no longer this agent's.
    fn check(&self) -> io::Result<()> {
        self.lock().check(&self.path)
    }

    /// Takes the folder again, without any segments, where it was removed or replaced.
    fn take_again(&self) -> io::Result<()> {
        let mut lock = self.lock();
        if lock.check(&self.path).is_ok() {
            return Ok(());
        }
        let new = Lock::take(&self.path).map_err(io::Error::other)?;
        if !recovery::ordinals(&self.path)?.is_empty() {
            let problem = "another journal is there now: restart the agent to go on with it";
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

/// Segments are numbered in the order in which they were begun.
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
