// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's root file system: an initramfs.

mod archive;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::Paths;
use crate::build::driver::MODULE;
use crate::build::flavour::Flavour;
use crate::deps::host::find_tool;
use crate::store::cache::Product;
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};
use archive::Archive;

/// The archive's file name.
pub const ROOTFS: &str = "rootfs.cpio.gz";

/// The folders that are there besides those of the files.
const FOLDERS: [&str; 12] = [
    "dev", "etc", "mnt/host", "proc", "root", "run", "sbin", "sys", "tmp", "usr/bin", "usr/sbin",
    "var",
];

/// The results that the root file system is put together from.
#[derive(Debug)]
pub struct Parts {
    /// [`crate::build::busybox::Busybox`]'s.
    pub busybox: PathBuf,
    /// [`crate::build::userspace::Userspace`]'s.
    pub userspace: PathBuf,
    /// [`crate::build::kernel::Kernel`]'s.
    pub kernel: PathBuf,
    /// [`crate::build::driver::Driver`]'s.
    pub driver: PathBuf,
}

/// The root file system. Its result is [`ROOTFS`].
#[derive(Debug)]
pub struct Rootfs {
    parts: Parts,
    files: PathBuf,
    flavour: Flavour,
    key: Key,
}

impl Rootfs {
    /// Reads `scripts/lab/rootfs/`; nothing is put together yet. `keys` are the parts'.
    pub fn new(paths: &Paths, parts: Parts, keys: [&Key; 4], flavour: Flavour) -> Result<Self> {
        let files = paths.repo.join("scripts/lab/rootfs");
        let key = keys
            .into_iter()
            .fold(KeyBuilder::new("rootfs 1"), KeyBuilder::text)
            .tree(&files)?
            .finish();
        Ok(Self {
            parts,
            files,
            flavour,
            key,
        })
    }

    /// The kernel's modules and the driver, with what modprobe needs to find them.
    fn modules(&self, staging: &Path, log: &mut Log) -> Result<()> {
        let modules = self.parts.kernel.join("modules");
        log.run(
            Command::new("cp")
                .arg("--recursive")
                .arg("--no-dereference")
                .arg(&modules)
                .arg(staging),
        )?;
        let versions = staging.join("lib/modules");
        let version = fs::read_dir(&versions)
            .with_context(|| format!("can't read {}", versions.display()))?
            .next()
            .context("the kernel installed no modules")??;
        let link = version.path().join("build");
        fs::remove_file(&link).with_context(|| format!("can't remove {}", link.display()))?;
        let extra = version.path().join("extra");
        fs::create_dir(&extra).with_context(|| format!("can't create {}", extra.display()))?;
        fs::copy(self.parts.driver.join(MODULE), extra.join(MODULE))
            .context("can't copy the driver")?;
        let depmod = find_tool("depmod").context("depmod is missing (package kmod)")?;
        log.run(
            Command::new(depmod)
                .arg("-b")
                .arg(staging)
                .arg(version.file_name()),
        )?;
        Ok(())
    }
}

impl Product for Rootfs {
    fn task(&self) -> Task {
        match self.flavour {
            Flavour::Normal => Task::new("rootfs", "putting together"),
            Flavour::Debug => Task::new("rootfs-debug", "putting together"),
        }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let staging = result.join("staging");
        self.modules(&staging, log)?;

        let mut archive = Archive::default();
        FOLDERS
            .into_iter()
            .for_each(|folder| archive.folder(folder));
        archive.console();
        archive.tree(&staging, "")?;
        archive.tree(&self.files, "")?;
        archive.tree(&self.parts.userspace, "usr/bin")?;
        archive.file(&self.parts.busybox.join("busybox"), "bin/busybox")?;
        let links = self.parts.busybox.join("busybox.links");
        let links = fs::read_to_string(&links)
            .with_context(|| format!("can't read {}", links.display()))?;
        for link in links
            .lines()
            .map(|link| link.trim_start_matches('/'))
            .filter(|&link| link != "bin/busybox")
        {
            archive.link(link, "/bin/busybox");
        }
        ensure!(archive.has("init"), "{} has no init", self.files.display());
        archive.write(&result.join(ROOTFS))?;
        fs::remove_dir_all(&staging).with_context(|| format!("can't remove {}", staging.display()))
    }
}
