// SPDX-License-Identifier: MIT OR Apache-2.0
//! On loop devices: `./scripts/flash`, and what an image does when it boots for the first time.

use std::process::Command;

use super::{Phase, page, pytest};
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

pub(super) fn phases() -> [Phase; 2] {
    [
        Phase::new("scripts: flash", |lab| {
            lab.needs(&FLASH)?;
            pytest::run(lab, &mut Command::new("python3"), "tests/flash", "scripts")
        }),
        Phase::new("first boot", |lab| {
            lab.needs(&FIRST_BOOT)?;
            let mut python = Command::new("python3");
            python.env("MYPOLL_AGENT", page::agent(lab)?);
            // Loop devices are made as for the tests of flash.
            pytest::run(lab, &mut python, "tests/first_boot", "tests/flash")
        }),
    ]
}
