// SPDX-License-Identifier: MIT OR Apache-2.0
//! Locks that runs hold against each other.

use std::path::Path;

use anyhow::{Context, Result};
use fs_err::File;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::Progress;

/// Whether nobody holds a lock.
pub(crate) fn is_free(path: &Path) -> Result<bool> {
    Ok(try_lock(&File::create(path)?)?)
}

/// Locks `path` for as long as the result lives; says that it waits, and for `what`, if it does.
pub(crate) fn hold(path: &Path, progress: &Progress, what: &str) -> Result<File> {
    let file = File::create(path)?;
    if !try_lock(&file)? {
        progress.say(&format!("{what}: waiting until its step is done."));
        flock(&file, FlockOperation::LockExclusive)
            .with_context(|| format!("can't lock {}", path.display()))?;
    }
    Ok(file)
}

/// False where another process has it.
pub(crate) fn try_lock(file: &File) -> Result<bool, Errno> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(false),
        result => result.map(|()| true),
    }
}
