// SPDX-License-Identifier: MIT OR Apache-2.0
//! Limits a directory to one agent.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::OpenError;

/// The lock on a directory, held while it is used.
#[derive(Debug)]
pub(super) struct Lock {
    _file: Flock<File>,
    /// The device and inode of its file.
    inode: (u64, u64),
}

impl Lock {
    /// Creates the directory if necessary, and locks it.
    ///
    /// # Errors
    ///
    /// It can't be created, or another agent uses it.
    pub(super) fn take(folder: &Path) -> Result<Self, OpenError> {
        match DirBuilder::new().mode(0o750).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(OpenError::io("create", folder)(error));
            }
            _ => {}
        }
        let path = folder.join("lock");
        let fails = |action| OpenError::io(action, &path);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(&path)
            .map_err(fails("open"))?;
        let metadata = file.metadata().map_err(fails("open"))?;
        let file =
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(
                |(_, error)| match error {
                    Errno::EWOULDBLOCK => OpenError::Locked {
                        path: folder.into(),
                    },
                    error => fails("lock")(error.into()),
                },
            )?;
        Ok(Self {
            _file: file,
            inode: (metadata.dev(), metadata.ino()),
        })
    }

    /// Fails if the directory is no longer the locked one: it was removed or replaced.
    pub(super) fn check(&self, folder: &Path) -> io::Result<()> {
        match fs::metadata(folder.join("lock")) {
            Ok(now) if (now.dev(), now.ino()) == self.inode => Ok(()),
            _ => Err(io::Error::other("the directory was removed or replaced")),
        }
    }
}
