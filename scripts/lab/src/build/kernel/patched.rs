// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's source, with the patches in it that it needs.

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
const LAYERS: &str = "recipes-kernel/linux/files/patches";
/// The first release that has what those do.
const PATCHED: [u32; 3] = [6, 18, 16];

/// The lab's own: of no use but in its guests.
const LABS: &str = "scripts/lab/patches-7.3";
/// The series that needs those. A release that no longer does is noticed: they do not apply.
const MUTE: [u32; 2] = [7, 3];

/// A tarball and its patches.
#[derive(Debug)]
pub struct KernelSource<'a> {
    tarball: &'a Tarball,
    patches: Vec<PathBuf>,
    pub(super) product: Product,
}

impl<'a> KernelSource<'a> {
    /// How many are kept: both versions, and one from before.
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

    /// The folder that it is unpacked in.
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

/// Where in the repository the patches for `version` are.
fn folder(version: &str) -> Option<&'static str> {
    let parts: Vec<u32> = version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    if parts.as_slice() < PATCHED.as_slice() {
        Some(LAYERS)
    } else if parts.starts_with(&MUTE) {
        Some(LABS)
    } else {
        None
    }
}

/// The patches in the order of their names.
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
    fn patches_are_for_the_releases_that_need_them() {
        for (version, expected) in [
            ("6.18.9", Some(LAYERS)),
            ("6.18.15", Some(LAYERS)),
            ("6.18.16", None),
            ("7.2.12", None),
            ("7.3.4", Some(LABS)),
            ("7.4", None),
        ] {
            assert_eq!(folder(version), expected, "{version}");
        }
    }

    #[test]
    fn a_patch_is_applied_or_named() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths {
            repo: dir.path().join("repo"),
            cache: dir.path().join("cache"),
        };
        let (layers, top) = (paths.repo.join(LAYERS), dir.path().join("linux-1.2.3"));
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
