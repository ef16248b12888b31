// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/flash`, on loop devices.

use std::process::Command;

use super::case::Case;
use super::{Phase, unittest};
use crate::host::packages::{Need, tool};
use crate::host::provide;

const NEEDS: [Need; 4] = [
    tool("bmaptool", "bmap-tools"),
    tool("mkfs.vfat", "dosfstools"),
    tool("sfdisk", "fdisk"),
    tool("zstd", "zstd"),
];

pub(super) fn phase() -> Phase {
    Phase::new("scripts: flash", |lab| {
        if let Err(error) = provide(lab.paths, lab.progress, &NEEDS) {
            return Ok(vec![Case::skipped("all of it", format!("{error:#}"))]);
        }
        unittest::run(lab, &mut Command::new("python3"), "tests/flash", "scripts")
    })
}
