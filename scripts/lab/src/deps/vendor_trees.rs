// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device trees that Raspberry Pi's own kernel has for its boards.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::deps::git;
use crate::store::cache::Product;
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// gokrazy's builds of <https://github.com/raspberrypi/linux>, which is 5 GB itself, as is a repository with Raspberry Pi's
/// own builds.
pub const URL: &str = "https://github.com/gokrazy/kernel.rpi";
/// Of raspberrypi/linux, tag `stable_20260609`.
const COMMIT: &str = "63bf14dc8cd2c4e12047c4792f68d3a986e3a5fd";

/// A Raspberry Pi 3 B+, 4 B and 5.
const TREES: [&str; 3] = [
    "bcm2710-rpi-3-b-plus.dtb",
    "bcm2711-rpi-4-b.dtb",
    "bcm2712-rpi-5-b.dtb",
];

/// The trees. Its result has them under the names that they have there.
#[derive(Debug)]
pub struct VendorTrees {
    key: Key,
}

impl VendorTrees {
    /// Nothing is downloaded yet.
    pub fn pinned() -> Self {
        let key = TREES.into_iter().fold(
            KeyBuilder::new("vendor-trees").text(COMMIT),
            KeyBuilder::text,
        );
        Self { key: key.finish() }
    }
}

impl Product for VendorTrees {
    fn task(&self) -> Task {
        Task::new("vendor-trees", "getting Raspberry Pi's device trees")
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let repo = tempfile::tempdir()?;
        let git = || {
            let mut git = Command::new("git");
            git.env("PATH", git::PATH).arg("-C").arg(repo.path());
            git
        };
        log.run(git().args([
            "clone",
            "--quiet",
            "--no-checkout",
            "--filter=blob:none",
            URL,
            ".",
        ]))?;
        let mut checkout = git();
        checkout.arg("--work-tree").arg(result);
        log.run(checkout.args(["checkout", COMMIT, "--"]).args(TREES))?;
        Ok(())
    }
}
