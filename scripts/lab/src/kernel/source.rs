// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's source with the layer's patches in it.

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

/// A tarball and the patches of recipes-kernel/linux.
#[derive(Debug)]
pub struct KernelSource<'a> {
    tarball: &'a Tarball,
    patches: Vec<PathBuf>,
    key: Key,
}

impl<'a> KernelSource<'a> {
    /// Reads the patches; nothing is unpacked yet.
    pub fn new(paths: &Paths, tarball: &'a Tarball) -> Result<Self> {
        let patches = patches(&paths.repo.join("recipes-kernel/linux/files/patches"))?;
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
        2
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        unpack(&self.tarball.path, result, log)?;
        for patch in &self.patches {
            let command = |options: &[&str]| {
                let mut command = Command::new("patch");
                command
                    .args(["-p1", "--fuzz=0"])
                    .args(options)
                    .arg("--input")
                    .arg(patch)
                    .current_dir(result);
                command
            };
            // A later release has it already.
            if log
                .run(&mut command(&["--dry-run", "--reverse", "--force"]))
                .is_ok()
            {
                continue;
            }
            log.run(&mut command(&["--forward"]))
                .with_context(|| format!("{} does not apply", patch.display()))?;
        }
        Ok(())
    }
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
    fn patched(patch: &str) -> Result<String> {
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
        let source = KernelSource::new(&paths, &tarball)?;
        let cache = Cache {
            paths: &paths,
            progress: &Progress::new(),
        };
        Ok(fs::read_to_string(cache.ensure(&source)?.join("text"))?)
    }

    #[test]
    fn patches_are_applied() {
        let patch = "--- a/text\n+++ b/text\n@@ -1 +1 @@\n-one\n+two\n";
        assert_eq!(patched(patch).unwrap(), "two\n");
    }

    #[test]
    fn a_patch_that_is_in_the_source_already_is_left_out() {
        let patch = "--- a/text\n+++ b/text\n@@ -1 +1 @@\n-zero\n+one\n";
        assert_eq!(patched(patch).unwrap(), "one\n");
    }

    #[test]
    fn a_patch_that_does_not_apply_is_named() {
        let patch = "--- a/text\n+++ b/text\n@@ -1 +1 @@\n-three\n+two\n";
        let message = patched(patch).unwrap_err().to_string();
        assert!(
            message.contains("0001-two.patch does not apply"),
            "{message}"
        );
    }
}
