// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an image does when it boots for the first time, on loop devices.

use std::process::Command;

use super::case::Case;
use super::{Phase, unittest};
use crate::host::packages::{Need, tool};
use crate::host::provide;

const NEEDS: [Need; 5] = [
    tool("cc", "gcc"),
    tool("fsck.ext4", "e2fsprogs"),
    tool("partx", "util-linux"),
    tool("resize2fs", "e2fsprogs"),
    tool("sfdisk", "fdisk"),
];

pub(super) fn phase() -> Phase {
    Phase::new("first boot", |lab| {
        if let Err(error) = provide(lab.paths, lab.progress, &NEEDS) {
            return Ok(vec![Case::skipped("all of it", format!("{error:#}"))]);
        }
        // Loop devices are made as for the tests of flash.
        unittest::run(
            lab,
            &mut Command::new("python3"),
            "tests/first_boot",
            "tests/flash",
        )
    })
}
