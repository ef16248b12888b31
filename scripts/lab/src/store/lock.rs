// SPDX-License-Identifier: MIT OR Apache-2.0
//! Locks that runs hold against each other.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::Progress;

/// Whether nobody holds a lock.
pub(crate) fn is_free(path: &Path) -> Result<bool> {
    let file = File::create(path).with_context(|| format!("can't create {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(false),
        result => result
            .map(|()| true)
            .with_context(|| format!("can't lock {}", path.display())),
    }
}

/// Locks `path` for as long as the result lives; says that it waits, and for `what`, if it does.
pub(crate) fn hold(path: &Path, progress: &Progress, what: &str) -> Result<File> {
    let file = File::create(path).with_context(|| format!("can't create {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => {
            progress.say(&format!("{what}: waiting until its step is done."));
            flock(&file, FlockOperation::LockExclusive)
        }
        result => result,
    }
    .with_context(|| format!("can't lock {}", path.display()))?;
    Ok(file)
}
