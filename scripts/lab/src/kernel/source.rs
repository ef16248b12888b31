// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's source, with the layer's patches in it where it needs them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::Paths;
use crate::cache::Product;
use crate::key::{Key, KeyBuilder};
use crate::source::{Tarball, unpack};
use crate::step::{Log, Task};

/// The first release that has what the patches do.
const PATCHED: [u32; 3] = [6, 18, 16];

/// A tarball and the patches of recipes-kernel/linux.
#[derive(Debug)]
pub struct KernelSource<'a> {
    tarball: &'a Tarball,
    patches: Vec<PathBuf>,
    key: Key,
}

impl<'a> KernelSource<'a> {
    /// How many are kept: the normal one, the newer one, and one more.
    pub(super) const KEPT: usize = 3;

    /// Reads the patches that `version` needs; nothing is unpacked yet.
    pub fn new(paths: &Paths, version: &str, tarball: &'a Tarball) -> Result<Self> {
        let patches = if needs_patches(version) {
            patches(&paths.repo.join("recipes-kernel/linux/files/patches"))?
        } else {
            Vec::new()
        };
        let mut key = KeyBuilder::new("kernel-source").text(&tarball.sha256);
        for patch in &patches {
            key = key.file(patch)?;
        }
        Ok(Self {
            tarball,
            patches,
            key: key.finish(),
        })
    }
}

impl Product for KernelSource<'_> {
    fn task(&self) -> Task {
        Task::new("kernel-source", "unpacking", 40)
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn keep(&self) -> usize {
        Self::KEPT
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
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
    }
}

fn needs_patches(version: &str) -> bool {
    let parts: Vec<u32> = version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    parts.as_slice() < PATCHED.as_slice()
}

/// The patches in the order of their names.
fn patches(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut patches = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("patch")) {
            patches.push(path);
        }
    }
    patches.sort();
    Ok(patches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Progress;
    use crate::cache::Cache;

    /// Unpacks a source of one file, `text`, that reads "one", with one patch: what the file reads then.
    fn patched(version: &str, patch: &str) -> Result<String> {
        let dir = tempfile::tempdir()?;
        let paths = Paths {
            repo: dir.path().join("repo"),
            cache: dir.path().join("cache"),
        };
        let top = dir.path().join("linux-1.2.3");
        let patches = paths.repo.join("recipes-kernel/linux/files/patches");
        fs::create_dir_all(&patches)?;
        fs::create_dir(&paths.cache)?;
        fs::write(patches.join("0001-two.patch"), patch)?;
        fs::write(patches.join("README"), "not a patch")?;
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
            progress: &Progress::new(),
        };
        Ok(fs::read_to_string(cache.ensure(&source)?.join("text"))?)
    }

    #[test]
    fn patches_are_applied_before_the_release_that_has_them() {
        let patch = "--- a/text\n+++ b/text\n@@ -1 +1 @@\n-one\n+two\n";
        for (version, text) in [
            ("6.18.9", "two\n"),
            ("6.18.15", "two\n"),
            ("6.18.16", "one\n"),
            ("7.3.4", "one\n"),
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
