// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian for arm64, with its own kernel, systemd and mosquitto, by mmdebstrap.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::build::flavour::Flavour;
use crate::build::overlay::{OVERLAY, Overlay};
use crate::deps::host::packages::{Need, tool};
use crate::deps::host::{find_tool, provide, succeeds};
use crate::deps::source::apt::PrivateApt;
use crate::store::cache::{Cache, Product};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};
use crate::store::unavailable::Unavailable;
use crate::vm::machine::Boot;

/// What is installed beside Debian's essential packages: the kernel of backports, which has the PL061's driver, a broker,
/// and what an image of the layer has from oe-core.
const PACKAGES: [&str; 15] = [
    "dbus",
    "e2fsprogs",
    "fdisk",
    "initramfs-tools",
    "iproute2",
    "kmod",
    "linux-image-arm64/trixie-backports",
    "mosquitto",
    "mosquitto-clients",
    "openssh-server",
    "systemd-resolved",
    "systemd-sysv",
    "systemd-timesyncd",
    "udev",
    "zstd",
];

const SERVICES: [&str; 3] = [
    "serve-lab",
    "systemd-networkd",
    "systemd-networkd-wait-online",
];

/// Drivers of what QEMU's board has not: two thirds of the root.
const UNUSED_DRIVERS: [&str; 5] = ["gpu", "media", "net/ethernet", "net/wireless", "infiniband"];

const NEEDS: [Need; 6] = [
    tool("arch-test", "arch-test"),
    tool("fakeroot", "fakeroot"),
    tool("mke2fs", "e2fsprogs"),
    tool("mmdebstrap", "mmdebstrap"),
    Need::Tool {
        name: "qemu-aarch64-static",
        package: "qemu-user-static",
        cross: true,
    },
    Need::Tool {
        name: "update-binfmts",
        package: "binfmt-support",
        cross: true,
    },
];

/// The root file system as an archive.
pub const ARCHIVE: &str = "root.tar";

/// Of the file system; most of it are holes.
const SIZE: &str = "3G";

/// The root file system, as an archive and on a disk, the kernel and its initramfs.
#[derive(Debug)]
pub struct Debian {
    files: PathBuf,
    server: PathBuf,
    apt: PathBuf,
    key: Key,
}

impl Debian {
    /// Reads `scripts/lab/debian/`; nothing is fetched yet.
    pub fn new(cache: Cache<'_>) -> Result<Self> {
        let lab = cache.paths.repo.join("scripts/lab");
        let files = lab.join("debian");
        let server = lab.join("rootfs/usr/bin/serve-lab");
        let key = KeyBuilder::new("debian 1")
            .text(PACKAGES.join(" "))
            .text(SERVICES.join(" "))
            .text(UNUSED_DRIVERS.join(" "))
            .tree(&files)?
            .file(&server)?
            .finish();
        Ok(Self {
            files,
            server,
            apt: cache.paths.cache.clone(),
            key,
        })
    }

    /// Makes it, where it is not there yet, with the packages that this takes.
    ///
    /// # Errors
    /// [`Unavailable`] when a package or Debian's archive is not available, or this machine can't run
    /// programs for arm64.
    pub fn ensure(&self, cache: Cache<'_>) -> Result<Boot> {
        if cache.get(self).is_none() {
            let ready = provide(cache.paths, cache.progress, &NEEDS).and_then(|()| run_arm64());
            Unavailable::unless(ready)?;
        }
        let folder = cache.ensure(self)?;
        Ok(Boot {
            image: folder.join("vmlinuz"),
            initramfs: folder.join("initrd.img"),
            overlay: cache.ensure(&Overlay::new(cache.paths)?)?.join(OVERLAY),
            disk: Some(folder.join("root.ext4")),
            flavour: Flavour::Normal,
        })
    }

    fn archive(&self, result: &Path, root: &Path, log: &mut Log) -> Result<()> {
        let hook = |when: &str, what: String| format!("--{when}-hook={what}");
        let apt = Unavailable::unless(PrivateApt::open(&self.apt, log))?;
        let mut mmdebstrap = Command::new("mmdebstrap");
        mmdebstrap
            .args(["--architectures=arm64", "--variant=minbase"])
            .arg(format!("--include={}", PACKAGES.join(",")))
            .arg(hook(
                "essential",
                format!("sync-in {} /", self.files.display()),
            ))
            .arg(hook(
                "customize",
                format!("copy-in {} /usr/bin", self.server.display()),
            ))
            .arg(hook(
                "customize",
                format!("chroot \"$1\" systemctl enable {}", SERVICES.join(" ")),
            ));
        for driver in UNUSED_DRIVERS {
            mmdebstrap.arg(hook(
                "customize",
                format!("rm -r \"$1\"/usr/lib/modules/*/kernel/drivers/{driver}"),
            ));
        }
        for file in ["vmlinuz", "initrd.img"] {
            let to = result.join(file);
            mmdebstrap.arg(hook(
                "customize",
                format!("download /{file} {}", to.display()),
            ));
        }
        mmdebstrap.args(["trixie".as_ref(), root.as_os_str()]);
        Ok(log.run(mmdebstrap.args(apt.binary_packages()?))?)
    }
}

impl Product for Debian {
    fn task(&self) -> Task {
        Task::long("debian", "installing Debian for arm64")
    }

    fn key(&self) -> &Key {
        &self.key
    }

    /// One has 1 GB.
    fn keep(&self) -> usize {
        1
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let work = tempfile::tempdir_in(result).context("can't create a temporary folder")?;
        let archive = result.join(ARCHIVE);
        self.archive(result, &archive, log)?;
        let root = work.path().join("root");
        fs::create_dir(&root)?;
        // In one run, as fakeroot forgets who owns what.
        log.run(
            Command::new("fakeroot")
                .args([
                    "sh",
                    "-ec",
                    "tar -xf \"$1\" -C \"$2\"; mke2fs -q -t ext4 -d \"$2\" \"$3\" \"$4\"",
                    "sh",
                ])
                .args([archive, root, result.join("root.ext4")])
                .arg(SIZE),
        )?;
        Ok(())
    }
}

/// Makes sure that programs for arm64 run here: qemu-user does that, once the kernel was told.
fn run_arm64() -> Result<()> {
    let runs = || succeeds(Command::new("arch-test").arg("arm64"));
    if runs() {
        return Ok(());
    }
    // Installing the package does it where a system runs; in a container root may have to.
    if let Some(update) = find_tool("update-binfmts") {
        succeeds(Command::new(update).args(["--enable", "qemu-aarch64"]));
    }
    ensure!(
        runs(),
        "this machine does not run programs for arm64: 'update-binfmts --enable qemu-aarch64' as root changes that"
    );
    Ok(())
}
