// SPDX-License-Identifier: MIT OR Apache-2.0
//! The paths of the repository that this program was built from, and of the cache with all build outputs.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The two folders that all other paths are relative to.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The root of the repository, which is the Yocto layer.
    pub repo: PathBuf,
    /// All build output: `$XDG_CACHE_HOME/mypoll`, else `~/.cache/mypoll`.
    pub cache: PathBuf,
}

impl Paths {
    /// Finds both and creates the cache folder.
    pub fn find() -> Result<Self> {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .canonicalize()
            .context("can't find the repository that this program was built from")?;
        let cache = match env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()) {
            Some(dir) => PathBuf::from(dir),
            None => env::var_os("HOME")
                .map(PathBuf::from)
                .context("neither XDG_CACHE_HOME nor HOME is set")?
                .join(".cache"),
        }
        .join("mypoll");
        ensure!(
            cache.is_absolute(),
            "XDG_CACHE_HOME has to be an absolute path, not {}",
            cache.display()
        );
        fs_err::create_dir_all(&cache)?;
        Ok(Self { repo, cache })
    }

    /// A folder of a test for both.
    #[cfg(test)]
    pub(crate) fn both_in(folder: &Path) -> Self {
        Self {
            repo: folder.to_owned(),
            cache: folder.to_owned(),
        }
    }
}
