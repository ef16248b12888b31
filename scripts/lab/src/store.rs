// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cache and its keys, build steps with their logs, and paths.

pub mod cache;
pub mod key;
pub(crate) mod lock;
pub mod paths;
pub mod signals;
pub mod step;
pub mod unavailable;

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Result;

/// Removes a file or folder if it exists.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = match fs_err::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs_err::remove_dir_all(path),
        Ok(_) => fs_err::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
