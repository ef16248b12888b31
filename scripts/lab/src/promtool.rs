// SPDX-License-Identifier: MIT OR Apache-2.0
//! promtool, of Debian's package prometheus, which would start a service if it were installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::{Cache, Product};
use crate::host::find_tool;
use crate::key::{Key, KeyBuilder};
use crate::step::{Log, Task};

const PROGRAM: &str = "promtool";
const PACKAGE: &str = "prometheus";

/// The program, unpacked in the cache. Whatever version the machine's apt has is taken, and kept.
#[derive(Debug)]
pub struct Promtool {
    key: Key,
}

impl Promtool {
    /// Nothing is fetched yet.
    #[expect(clippy::new_without_default, reason = "it makes nothing")]
    pub fn new() -> Self {
        let key = KeyBuilder::new(PROGRAM).text(PACKAGE).finish();
        Self { key }
    }

    /// Its path: the machine's own where it has one.
    ///
    /// # Errors
    /// apt can't download the package.
    pub fn ensure(&self, cache: Cache<'_>) -> Result<PathBuf> {
        match find_tool(PROGRAM) {
            Some(path) => Ok(path),
            None => Ok(cache.ensure(self)?.join(PROGRAM)),
        }
    }
}

impl Product for Promtool {
    fn task(&self) -> Task {
        Task::new(PROGRAM, "fetching promtool", 30)
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let work = tempfile::tempdir_in(result).context("can't create a temporary folder")?;
        let mut download = Command::new("apt-get");
        // Root downloads into a folder that apt's own user may not enter.
        download
            .args(["-o", "APT::Sandbox::User=root", "download", PACKAGE])
            .current_dir(work.path());
        log.run(&mut download)
            .with_context(|| format!("apt can't download {PACKAGE}"))?;
        let debs: Vec<_> = fs::read_dir(work.path())?.collect::<Result<_, _>>()?;
        for deb in debs {
            let mut unpack = Command::new("dpkg-deb");
            log.run(unpack.arg("--extract").arg(deb.path()).arg(work.path()))?;
        }
        let program = work.path().join("usr/bin").join(PROGRAM);
        fs::rename(&program, result.join(PROGRAM))
            .with_context(|| format!("{PACKAGE} has no {PROGRAM}"))
    }
}
