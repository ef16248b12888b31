// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's root file system: an initramfs.

mod archive;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use crate::build::driver::MODULE;
use crate::build::flavour::Flavour;
use crate::deps::host::find_tool;
use crate::store::cache::{Cache, Part, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::{Log, Task};
use archive::Archive;

/// The archive's file name.
pub const ROOTFS: &str = "rootfs.cpio.gz";

/// The folders that are there besides those of the files.
const FOLDERS: [&str; 12] = [
    "dev", "etc", "mnt/host", "proc", "root", "run", "sbin", "sys", "tmp", "usr/bin", "usr/sbin",
    "var",
];

/// What the root file system is put together from.
pub struct Parts {
    /// The guest's shell and usual commands.
    pub busybox: Part,
    /// The guest's programs.
    pub userspace: Part,
    /// The kernel, for its modules.
    pub kernel: Part,
    /// The driver.
    pub driver: Part,
}

/// The root file system.
pub fn rootfs(cache: Cache<'_>, parts: &Parts, flavour: Flavour) -> Result<PathBuf> {
    let files = cache.paths.repo.join("scripts/lab/rootfs");
    let Parts {
        busybox,
        userspace,
        kernel,
        driver,
    } = parts;
    let key = [busybox, userspace, kernel, driver]
        .into_iter()
        .fold(KeyBuilder::new("rootfs 1"), |key, part| key.text(&part.key));
    let task = Task::new(flavour.of("rootfs"), "putting together");
    let product = Product::new(task, key.tree(&files)?);
    let folder = cache.ensure(&product, |result, log| {
        let staging = tempfile::tempdir_in(result)?;
        let staging = staging.path();
        modules(&kernel.folder, &driver.folder, staging, log)?;
        let mut archive = Archive::default();
        for folder in FOLDERS {
            archive.folder(folder);
        }
        archive.console();
        archive.tree(staging, "")?;
        archive.tree(&files, "")?;
        archive.tree(&userspace.folder, "usr/bin")?;
        archive.file(&busybox.folder.join("busybox"), "bin/busybox")?;
        let links = fs::read_to_string(busybox.folder.join("busybox.links"))?;
        for link in links.lines().map(|link| link.trim_start_matches('/')) {
            archive.link(link, "/bin/busybox");
        }
        ensure!(archive.has("init"), "{} has no init", files.display());
        archive.write(&result.join(ROOTFS))
    })?;
    Ok(folder.join(ROOTFS))
}

/// The kernel's modules and the driver, with what modprobe needs to find them.
fn modules(kernel: &Path, driver: &Path, staging: &Path, log: &mut Log) -> Result<()> {
    log.run(
        Command::new("cp")
            .args(["--recursive", "--no-dereference", "--no-target-directory"])
            .args([&kernel.join("modules"), staging]),
    )?;
    let mut versions = fs::read_dir(staging.join("lib/modules"))?;
    let version = versions
        .next()
        .context("the kernel installed no modules")??;
    fs::remove_file(version.path().join("build"))?;
    let extra = version.path().join("extra");
    fs::create_dir(&extra)?;
    fs::copy(driver.join(MODULE), extra.join(MODULE))?;
    let depmod = find_tool("depmod").context("depmod is missing (package kmod)")?;
    log.run(
        Command::new(depmod)
            .arg("-b")
            .arg(staging)
            .arg(version.file_name()),
    )
}
