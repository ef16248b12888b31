// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's root file system, an initramfs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;

use crate::build::driver::MODULE;
use crate::build::flavour::Flavour;
use crate::deps::host::find_tool;
use crate::store::cache::{Cache, Part, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::{Log, Task};

/// The archive's file name.
const ROOTFS: &str = "rootfs.cpio.gz";

/// Folders in addition to those of files. The kernel provides /dev/console.
const FOLDERS: [&str; 12] = [
    "dev", "etc", "mnt/host", "proc", "root", "run", "sbin", "sys", "tmp", "usr/bin", "usr/sbin",
    "var",
];

/// Archives the folder $1 as $2. The result depends only on names, contents and whether files are executable.
const ARCHIVE: &str = "set -e; cd \"$1\"; chmod -R u=rwX,go=rX .; chmod 1777 tmp
    find . -mindepth 1 -exec touch --no-dereference --date=@0 {} +
    find . -mindepth 1 -printf '%P\\n' | LC_ALL=C sort >\"$2.list\"
    cpio --quiet --create --format=newc --owner=0:0 --reproducible --file=\"$2\" <\"$2.list\"
    gzip --no-name --fast \"$2\"; rm \"$2.list\"";

/// The parts of the root file system.
pub struct Parts {
    /// The guest's shell and standard commands.
    pub busybox: Part,
    /// The guest's programs.
    pub userspace: Part,
    /// The kernel, for its modules.
    pub kernel: Part,
    /// The driver.
    pub driver: Part,
}

/// Assembles the root file system. Returns the path of its archive.
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
        .fold(KeyBuilder::new("rootfs 2"), |key, part| key.text(&part.key));
    let task = Task::new(flavour.of("rootfs"), "assembling");
    let product = Product::new(task, key.tree(&files)?);
    let folder = cache.ensure(&product, |result, log| {
        let root = tempfile::tempdir_in(result)?;
        let root = root.path();
        for folder in FOLDERS {
            fs::create_dir_all(root.join(folder))?;
        }
        copy(&kernel.folder.join("modules"), root, log)?;
        add_driver(&driver.folder, root, log)?;
        copy(&files, root, log)?;
        copy(&userspace.folder, &root.join("usr/bin"), log)?;
        fs::create_dir_all(root.join("bin"))?;
        fs::copy(busybox.folder.join("busybox"), root.join("bin/busybox"))?;
        let links = fs::read_to_string(busybox.folder.join("busybox.links"))?;
        for link in links.lines() {
            let link = root.join(link.trim_start_matches('/'));
            if fs::symlink_metadata(&link).is_err() {
                symlink("/bin/busybox", link)?;
            }
        }
        ensure!(
            root.join("init").exists(),
            "{} has no init",
            files.display()
        );
        archive(root, &result.join(ROOTFS), log)
    })?;
    Ok(folder.join(ROOTFS))
}

/// Copies the contents of a folder into another one.
fn copy(from: &Path, to: &Path, log: &mut Log) -> Result<()> {
    let mut cp = Command::new("cp");
    cp.args(["--recursive", "--no-dereference", "--no-target-directory"]);
    log.run(cp.args([from, to]))
}

/// Adds the driver to the kernel's modules and creates modprobe's index.
fn add_driver(driver: &Path, root: &Path, log: &mut Log) -> Result<()> {
    let mut versions = fs::read_dir(root.join("lib/modules"))?;
    let version = versions
        .next()
        .context("the kernel installed no modules")??;
    fs::remove_file(version.path().join("build"))?;
    let extra = version.path().join("extra");
    fs::create_dir(&extra)?;
    fs::copy(driver.join(MODULE), extra.join(MODULE))?;
    let depmod = find_tool("depmod").context("depmod is missing (package kmod)")?;
    let mut depmod = Command::new(depmod);
    log.run(depmod.arg("-b").arg(root).arg(version.file_name()))
}

/// Writes the compressed archive of a folder. Changes permissions and times in the folder.
fn archive(folder: &Path, archive: &Path, log: &mut Log) -> Result<()> {
    let mut sh = Command::new("sh");
    sh.args(["-c", ARCHIVE, "sh"])
        .args([folder, &archive.with_extension("")]);
    log.run(&mut sh)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::deps::host::output;
    use crate::{Paths, Progress};

    /// The archive of a folder with a file of these permissions, and its listing.
    fn archived(mode: u32) -> (Vec<u8>, String) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("tmp")).unwrap();
        fs::write(root.join("init"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(root.join("init"), Permissions::from_mode(mode)).unwrap();
        symlink("/init", root.join("link")).unwrap();
        let paths = Paths {
            repo: root.clone(),
            cache: dir.path().to_owned(),
        };
        let file = dir.path().join(ROOTFS);
        let task = Task::new("rootfs", "assembling");
        let result = Progress::default().step(&paths, &task, |log| archive(&root, &file, log));
        result.unwrap();
        let list = "gzip -dc \"$0\" | TZ=UTC cpio --quiet -tvn";
        let listed = output(Command::new("sh").args(["-c", list]).arg(&file)).unwrap();
        (fs::read(&file).unwrap(), listed)
    }

    #[test]
    fn times_and_owners_do_not_change_the_archive() {
        let (bytes, listed) = archived(0o700);
        assert_eq!(bytes, archived(0o711).0);
        assert_ne!(bytes, archived(0o600).0);
        let entries: Vec<_> = listed
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .map(|words| format!("{} {} {}", words[0], words[2], words[8..].join(" ")))
            .collect();
        assert_eq!(
            entries,
            [
                "-rwxr-xr-x 0 init",
                "lrwxrwxrwx 0 link -> /init",
                "drwxrwxrwt 0 tmp"
            ]
        );
    }
}
