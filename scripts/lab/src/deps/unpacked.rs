// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs of Debian's packages that would start services if they were installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::store::cache::{Cache, Product};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// Packages unpacked in the cache. Whatever version the machine's apt has is taken, and kept.
#[derive(Debug)]
pub struct Unpacked {
    name: &'static str,
    packages: &'static [&'static str],
    key: Key,
}

impl Unpacked {
    /// promtool, which checks metrics.
    pub fn promtool() -> Self {
        Self::new("promtool", &["prometheus"])
    }

    /// avahi-daemon and avahi-browse, with their libraries.
    pub fn avahi() -> Self {
        const PACKAGES: &[&str] = &[
            "avahi-daemon",
            "avahi-utils",
            "libavahi-client3",
            "libavahi-common-data",
            "libavahi-common3",
            "libavahi-core7",
            "libdaemon0",
        ];
        Self::new("avahi", PACKAGES)
    }

    /// Nothing is fetched yet.
    fn new(name: &'static str, packages: &'static [&'static str]) -> Self {
        Self {
            name,
            packages,
            key: KeyBuilder::new("unpacked")
                .text(packages.join(" "))
                .finish(),
        }
    }

    /// The folder that they are unpacked in.
    ///
    /// # Errors
    /// apt can't download them.
    pub fn ensure(&self, cache: Cache<'_>) -> Result<PathBuf> {
        cache.ensure(self)
    }
}

impl Product for Unpacked {
    fn task(&self) -> Task {
        Task::new(self.name, format!("fetching {}", self.name))
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let work = tempfile::tempdir_in(result).context("can't create a temporary folder")?;
        let mut download = Command::new("apt-get");
        // Root downloads into a folder that apt's own user may not enter.
        download
            .args(["-o", "APT::Sandbox::User=root", "download"])
            .args(self.packages)
            .current_dir(work.path());
        log.run(&mut download)
            .with_context(|| format!("apt can't download {}", self.packages.join(" ")))?;
        let debs: Vec<_> = fs::read_dir(work.path())?.collect::<Result<_, _>>()?;
        for deb in debs {
            let mut unpack = Command::new("dpkg-deb");
            log.run(unpack.arg("--extract").arg(deb.path()).arg(result))?;
        }
        Ok(())
    }
}
