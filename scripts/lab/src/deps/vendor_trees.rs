// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device trees of Raspberry Pi's vendor kernel.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::deps::git;
use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::Task;

/// gokrazy's builds of <https://github.com/raspberrypi/linux>. That repository is 5 GB, as is the one with Raspberry
/// Pi's own builds.
const URL: &str = "https://github.com/gokrazy/kernel.rpi";
/// A build of raspberrypi/linux, tag `stable_20260609`.
const COMMIT: &str = "63bf14dc8cd2c4e12047c4792f68d3a986e3a5fd";

/// The Raspberry Pi 3 B+, 4 B and 5.
const TREES: [&str; 3] = [
    "bcm2710-rpi-3-b-plus.dtb",
    "bcm2711-rpi-4-b.dtb",
    "bcm2712-rpi-5-b.dtb",
];

/// The folder of the trees, with their original names, or the reason why the repository is unreachable.
pub fn find_or_fetch(cache: Cache<'_>) -> Result<Result<PathBuf, String>> {
    let key = KeyBuilder::new("vendor-trees").text(COMMIT);
    let product = Product::new(
        Task::new("vendor-trees", "fetching Raspberry Pi's device trees"),
        TREES.into_iter().fold(key, KeyBuilder::text),
    );
    if cache.get(&product).is_none() {
        if let Some(reason) = git::why_unreachable(URL) {
            return Ok(Err(reason));
        }
    }
    let folder = cache.ensure(&product, |result, log| {
        let repo = tempfile::tempdir()?;
        let git = || {
            let mut git = Command::new("git");
            git.env("PATH", git::PATH).arg("-C").arg(repo.path());
            git
        };
        log.run(
            git()
                .args(["clone", "--quiet", "--no-checkout", "--filter=blob:none"])
                .args([URL, "."]),
        )?;
        let mut checkout = git();
        checkout.arg("--work-tree").arg(result);
        log.run(checkout.args(["checkout", COMMIT, "--"]).args(TREES))
    })?;
    Ok(Ok(folder))
}
