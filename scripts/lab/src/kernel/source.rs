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
            let mut command = Command::new("patch");
            command
                .args(["-p1", "--forward", "--fuzz=0", "--input"])
                .arg(patch)
                .current_dir(result);
            log.run(&mut command)
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
