// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian for arm64 with its own kernel, systemd and mosquitto, installed with mmdebstrap.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::build::flavour::Flavour;
use crate::build::overlay::overlay;
use crate::deps::host::{Need, find_tool, provide, succeeds, tool};
use crate::deps::source::apt::PrivateApt;
use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::Task;
use crate::store::unavailable::Unavailable;
use crate::vm::machine::Boot;

/// Packages in addition to Debian's essential ones: the backports kernel, which has the PL061's driver, a broker, and
/// what an image of the layer gets from oe-core.
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

/// Drivers of hardware that QEMU's board lacks: two thirds of the root file system.
const UNUSED_DRIVERS: [&str; 5] = ["gpu", "media", "net/ethernet", "net/wireless", "infiniband"];

const NEEDS: [Need; 6] = [
    tool("arch-test", "arch-test"),
    tool("fakeroot", "fakeroot"),
    tool("mke2fs", "e2fsprogs"),
    tool("mmdebstrap", "mmdebstrap"),
    tool("qemu-aarch64-static", "qemu-user-static").cross(),
    tool("update-binfmts", "binfmt-support").cross(),
];

/// The root file system as an archive.
pub const ARCHIVE: &str = "root.tar";

/// Size of the file system; most of it is sparse.
const SIZE: &str = "3G";

/// Builds the kernel, its initramfs and the root file system as a disk, with [`ARCHIVE`] in the same folder, unless
/// they are in the cache. Installs the packages that this needs.
///
/// # Errors
/// [`Unavailable`] if a package or Debian's archive is not available, or this machine can't run programs for arm64.
pub fn debian(cache: Cache<'_>) -> Result<Boot> {
    let lab = cache.paths.repo.join("scripts/lab");
    let (files, server) = (lab.join("debian"), lab.join("rootfs/usr/bin/serve-lab"));
    let product = Product::new(
        Task::long("debian", "installing Debian for arm64"),
        KeyBuilder::new("debian 1")
            .text(PACKAGES.join(" "))
            .text(SERVICES.join(" "))
            .text(UNUSED_DRIVERS.join(" "))
            .tree(&files)?
            .file(&server)?,
    );
    // One result is 1 GB.
    let product = product.keep(1);
    if cache.get(&product).is_none() {
        let ready = provide(cache.paths, cache.progress, &NEEDS).and_then(|()| enable_arm64());
        Unavailable::unless(ready)?;
    }
    let folder = cache.ensure(&product, |result, log| {
        let apt = Unavailable::unless(PrivateApt::open(&cache.paths.cache, log))?;
        let archive = result.join(ARCHIVE);
        let mut mmdebstrap = mmdebstrap(&files, &server, result);
        mmdebstrap.arg("trixie").arg(&archive);
        log.run(mmdebstrap.args(apt.binary_packages()?))?;
        let root = tempfile::tempdir_in(result)?;
        // In one process, since fakeroot forgets the owners of files.
        let script = "tar -xf \"$1\" -C \"$2\"; mke2fs -q -t ext4 -d \"$2\" \"$3\" \"$4\"";
        log.run(
            Command::new("fakeroot")
                .args(["sh", "-ec", script, "sh"])
                .args([&archive, root.path(), &result.join("root.ext4")])
                .arg(SIZE),
        )
    })?;
    Ok(Boot {
        image: folder.join("vmlinuz"),
        initramfs: folder.join("initrd.img"),
        overlay: overlay(cache)?,
        disk: Some(folder.join("root.ext4")),
        flavour: Flavour::Normal,
    })
}

fn mmdebstrap(files: &Path, server: &Path, result: &Path) -> Command {
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap
        .args(["--architectures=arm64", "--variant=minbase"])
        .arg(format!("--include={}", PACKAGES.join(",")))
        .arg(format!("--essential-hook=sync-in {} /", files.display()));
    let mut customize = |hook: String| {
        mmdebstrap.arg(format!("--customize-hook={hook}"));
    };
    customize(format!("copy-in {} /usr/bin", server.display()));
    customize(format!(
        "chroot \"$1\" systemctl enable {}",
        SERVICES.join(" ")
    ));
    for driver in UNUSED_DRIVERS {
        customize(format!(
            "rm -r \"$1\"/usr/lib/modules/*/kernel/drivers/{driver}"
        ));
    }
    for file in ["vmlinuz", "initrd.img"] {
        customize(format!("download /{file} {}", result.join(file).display()));
    }
    mmdebstrap
}

/// Makes sure that this machine runs programs for arm64, with qemu-user registered in the kernel.
fn enable_arm64() -> Result<()> {
    let runs = || succeeds(Command::new("arch-test").arg("arm64"));
    if runs() {
        return Ok(());
    }
    // The package's installation registers it, but not in a container.
    if let Some(update) = find_tool("update-binfmts") {
        succeeds(Command::new(update).args(["--enable", "qemu-aarch64"]));
    }
    ensure!(
        runs(),
        "this machine can't run programs for arm64: run 'update-binfmts --enable qemu-aarch64' as root"
    );
    Ok(())
}
