// SPDX-License-Identifier: MIT OR Apache-2.0
//! The patched kernel source.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::Paths;
use crate::deps::source::{Tarball, unpack};
use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::Task;

/// The layer's patches.
const LAYER_PATCHES: &str = "recipes-kernel/linux/files/patches";
/// The first release that contains the layer's patches.
const FIRST_WITH_LAYER_PATCHES: [u32; 3] = [6, 18, 16];

/// The lab's patches, which are useful only in its guests.
const LAB_PATCHES: &str = "scripts/lab/patches-7.3";
/// The series that needs the lab's patches. They fail to apply to a release that contains them.
const SERIES_OF_LAB_PATCHES: [u32; 2] = [7, 3];

/// A tarball and its patches.
#[derive(Debug)]
pub struct KernelSource<'a> {
    tarball: &'a Tarball,
    patches: Vec<PathBuf>,
    pub(super) product: Product,
}

impl<'a> KernelSource<'a> {
    /// Number of sources to keep: both versions and a previous one.
    pub(super) const KEPT: usize = 3;

    /// Reads the patches that `version` needs; nothing is unpacked yet.
    pub fn new(paths: &Paths, version: &str, tarball: &'a Tarball) -> Result<Self> {
        let patches = match folder(version) {
            Some(folder) => patches(&paths.repo.join(folder))?,
            None => Vec::new(),
        };
        let mut key = KeyBuilder::new("kernel-source").text(&tarball.sha256);
        for patch in &patches {
            key = key.file(patch)?;
        }
        Ok(Self {
            tarball,
            patches,
            product: Product::new(Task::new("kernel-source", "unpacking"), key).keep(Self::KEPT),
        })
    }

    /// Unpacks and patches the source unless it is in the cache. Returns its folder.
    pub fn ensure(&self, cache: Cache<'_>) -> Result<PathBuf> {
        cache.ensure(&self.product, |result, log| {
            unpack(&self.tarball.path, result, log)?;
            for patch in &self.patches {
                let mut command = Command::new("patch");
                command
                    .args(["-p1", "--fuzz=0", "--forward", "--input"])
                    .arg(patch)
                    .current_dir(result);
                log.run(&mut command)
                    .with_context(|| format!("{} does not apply", patch.display()))?;
            }
            Ok(())
        })
    }
}

/// The folder of the patches for `version`, relative to the repository.
fn folder(version: &str) -> Option<&'static str> {
    let parts: Vec<u32> = version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    if parts.as_slice() < FIRST_WITH_LAYER_PATCHES.as_slice() {
        Some(LAYER_PATCHES)
    } else if parts.starts_with(&SERIES_OF_LAB_PATCHES) {
        Some(LAB_PATCHES)
    } else {
        None
    }
}

/// The patches in a folder, sorted by name.
fn patches(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut patches: Vec<_> = entries.collect::<Result<_>>()?;
    patches.retain(|path| path.extension() == Some(OsStr::new("patch")));
    patches.sort();
    Ok(patches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Progress;

    #[test]
    fn only_releases_that_need_patches_have_them() {
        for (version, expected) in [
            ("6.18.9", Some(LAYER_PATCHES)),
            ("6.18.15", Some(LAYER_PATCHES)),
            ("6.18.16", None),
            ("7.2.12", None),
            ("7.3.4", Some(LAB_PATCHES)),
            ("7.4", None),
        ] {
            assert_eq!(folder(version), expected, "{version}");
        }
    }

    #[test]
    fn patches_are_applied_and_failures_named() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths {
            repo: dir.path().join("repo"),
            cache: dir.path().join("cache"),
        };
        let (layers, top) = (
            paths.repo.join(LAYER_PATCHES),
            dir.path().join("linux-1.2.3"),
        );
        for folder in [&layers, &paths.cache, &top] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(layers.join("README"), "not a patch").unwrap();
        fs::write(top.join("text"), "one\n").unwrap();
        let path = dir.path().join("linux-1.2.3.tar");
        let mut tar = Command::new("tar");
        tar.arg("--create").arg("--file").arg(&path);
        tar.arg("--directory")
            .args([dir.path(), Path::new("linux-1.2.3")]);
        assert!(tar.status().unwrap().success());
        let sha256 = "1234".to_owned();
        let tarball = Tarball { path, sha256 };
        let progress = Progress::default();
        let patched = |from: &str| {
            let patch = format!("--- a/text\n+++ b/text\n@@ -1 +1 @@\n-{from}\n+two\n");
            fs::write(layers.join("0001-two.patch"), patch)?;
            let source = KernelSource::new(&paths, "6.18.15", &tarball)?;
            let folder = source.ensure(Cache::new(&paths, &progress))?;
            Ok::<_, anyhow::Error>(fs::read_to_string(folder.join("text"))?)
        };
        assert_eq!(patched("one").unwrap(), "two\n");
        let message = patched("three").unwrap_err().to_string();
        let expected = "0001-two.patch does not apply";
        assert!(message.contains(expected), "{message}");
    }
}
