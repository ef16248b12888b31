// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust library's source, from which the kernel builds its `core`.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::Rustc;
use super::rustup::Access;
use crate::deps::source::apt::PrivateApt;
use crate::store::cache::{Cache, Product};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// Finds the folder `library` in the toolchain, lets rustup add it, or takes Debian's package of the same version.
pub(super) fn find_or_get(cache: Cache<'_>, rustc: &Rustc, rustup: &Access) -> Result<PathBuf> {
    let own = rustc.sysroot.join("lib/rustlib/src/rust/library");
    let here = || own.join("core/src/lib.rs").exists();
    if *rustup != Access::Refused
        && (here() || rustup.adds(cache, &["component", "add", "rust-src"])? && here())
    {
        return Ok(own);
    }
    let package = DebianLibrary {
        cache,
        rustc,
        key: KeyBuilder::new("rust-src").text(&rustc.release).finish(),
    };
    Ok(cache.ensure(&package)?.join(package.library()))
}

/// Debian's package rust-src, unpacked.
struct DebianLibrary<'a> {
    cache: Cache<'a>,
    rustc: &'a Rustc,
    key: Key,
}

impl DebianLibrary<'_> {
    /// Where the package has the library.
    fn library(&self) -> PathBuf {
        Path::new("usr/src")
            .join(format!("rustc-{}", self.rustc.release))
            .join("library")
    }
}

impl Product for DebianLibrary<'_> {
    fn task(&self) -> Task {
        Task::new(
            "rust-src",
            format!("fetching Debian's rust-src {}", self.rustc.release),
        )
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let apt = PrivateApt::open(&self.cache.paths.cache, log)?;
        apt.unpack_package("rust-src", &self.rustc.release, result, log)?;
        let core = result.join(self.library()).join("core/src/lib.rs");
        ensure!(
            core.exists(),
            "Debian's rust-src does not have {} where it should be",
            self.library().display()
        );
        Ok(())
    }
}
