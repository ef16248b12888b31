// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs from Debian packages that are unpacked, not installed, since an installation would start services.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::deps::source::apt::unpack;
use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::Task;

/// The path of promtool, which checks metrics.
pub fn promtool(cache: Cache<'_>) -> Result<PathBuf> {
    Ok(unpacked(cache, "promtool", &["prometheus"])?.join("usr/bin/promtool"))
}

/// The folder of avahi-daemon, avahi-browse and their libraries.
pub fn avahi(cache: Cache<'_>) -> Result<PathBuf> {
    const PACKAGES: &[&str] = &[
        "avahi-daemon",
        "avahi-utils",
        "libavahi-client3",
        "libavahi-common-data",
        "libavahi-common3",
        "libavahi-core7",
        "libdaemon0",
    ];
    unpacked(cache, "avahi", PACKAGES)
}

/// Unpacks packages into the cache. The key contains no version: any version of the machine's apt is used, and kept.
fn unpacked(cache: Cache<'_>, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let key = KeyBuilder::new("unpacked").text(packages.join(" "));
    let product = Product::new(Task::new(name, format!("fetching {name}")), key);
    cache.ensure(&product, |result, log| {
        let download = |folder: &_| {
            let mut download = Command::new("apt-get");
            // Download as root: apt's own user can't enter the folder.
            download
                .args(["-o", "APT::Sandbox::User=root", "download"])
                .args(packages)
                .current_dir(folder);
            download
        };
        unpack(result, log, download)
            .with_context(|| format!("apt can't download {}", packages.join(" ")))
    })
}
