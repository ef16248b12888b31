// SPDX-License-Identifier: MIT OR Apache-2.0
//! On loop devices: `./scripts/flash`, and what an image does when it boots for the first time.

use std::process::Command;

use super::{Phase, pytest};
use crate::deps::host::packages::{Need, tool};

const FLASH: [Need; 4] = [
    tool("bmaptool", "bmap-tools"),
    tool("mkfs.vfat", "dosfstools"),
    tool("sfdisk", "fdisk"),
    tool("zstd", "zstd"),
];

const FIRST_BOOT: [Need; 5] = [
    tool("cc", "gcc"),
    tool("fsck.ext4", "e2fsprogs"),
    tool("partx", "util-linux"),
    tool("resize2fs", "e2fsprogs"),
    tool("sfdisk", "fdisk"),
];

pub(super) fn phases() -> Vec<Phase> {
    vec![
        phase("scripts: flash", &FLASH, "tests/flash", "scripts"),
        // Loop devices are made as for the tests of flash.
        phase("first boot", &FIRST_BOOT, "tests/first_boot", "tests/flash"),
    ]
}

fn phase(name: &str, needs: &'static [Need], folder: &'static str, path: &'static str) -> Phase {
    Phase::new(name, move |lab| {
        lab.needs(needs)?;
        pytest::run(lab, &mut Command::new("python3"), folder, path)
    })
}
