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

    /// Unpacks a source of one file, `text`, that reads "one", with one patch in each folder, the layer's as given and the
    /// lab's to "three": what the file reads then.
    fn patched(version: &str, patch: &str) -> Result<String> {
        let dir = tempfile::tempdir()?;
        let paths = Paths {
            repo: dir.path().join("repo"),
            cache: dir.path().join("cache"),
        };
        let top = dir.path().join("linux-1.2.3");
        let (layers, labs) = (paths.repo.join(LAYERS), paths.repo.join(LABS));
        fs::create_dir_all(&layers)?;
        fs::create_dir_all(&labs)?;
        fs::create_dir(&paths.cache)?;
        fs::write(layers.join("0001-two.patch"), patch)?;
        fs::write(layers.join("README"), "not a patch")?;
        fs::write(labs.join("0001-three.patch"), patch.replace("two", "three"))?;
        fs::create_dir(&top)?;
        fs::write(top.join("text"), "one\n")?;
        let path = dir.path().join("linux-1.2.3.tar");
        let mut tar = Command::new("tar");
        tar.args(["--create", "--file"])
            .arg(&path)
            .arg("--directory")
            .arg(dir.path())
            .arg("linux-1.2.3");
        assert!(tar.status()?.success());

        let tarball = Tarball {
            path,
            sha256: "1234".to_owned(),
        };
        let source = KernelSource::new(&paths, version, &tarball)?;
        let cache = Cache {
            paths: &paths,
            progress: &Progress::default(),
        };
        Ok(fs::read_to_string(source.ensure(cache)?.join("text"))?)
    }

    #[test]
    fn patches_are_applied_to_the_releases_that_need_them() {
        let patch = "--- a/text\n+++ b/text\n@@ -1 +1 @@\n-one\n+two\n";
        for (version, text) in [
            ("6.18.9", "two\n"),
            ("6.18.15", "two\n"),
            ("6.18.16", "one\n"),
            ("7.2.12", "one\n"),
            ("7.3.4", "three\n"),
            ("7.4", "one\n"),
        ] {
            assert_eq!(patched(version, patch).unwrap(), text, "{version}");
        }
    }

    #[test]
    fn a_patch_that_does_not_apply_is_named() {
        let patch = "--- a/text\n+++ b/text\n@@ -1 +1 @@\n-three\n+two\n";
        let message = patched("6.18.15", patch).unwrap_err().to_string();
        assert!(
            message.contains("0001-two.patch does not apply"),
            "{message}"
        );
    }
}
