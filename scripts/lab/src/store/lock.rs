// SPDX-License-Identifier: MIT OR Apache-2.0
//! File locks between processes.

use std::path::Path;

use anyhow::{Context, Result};
use fs_err::File;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::Progress;

/// Whether no process holds the lock.
pub(crate) fn is_free(path: &Path) -> Result<bool> {
    Ok(try_lock(&File::create(path)?)?)
}

/// Locks `path` until the returned file is dropped. Prints `message` if it has to wait.
pub(crate) fn hold(path: &Path, progress: &Progress, message: &str) -> Result<File> {
    let file = File::create(path)?;
    if !try_lock(&file)? {
        progress.say(message);
        flock(&file, FlockOperation::LockExclusive)
            .with_context(|| format!("can't lock {}", path.display()))?;
    }
    Ok(file)
}

/// Returns false if another process holds the lock.
pub(crate) fn try_lock(file: &File) -> Result<bool, Errno> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(false),
        result => result.map(|()| true),
    }
}
