// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs of crates.io.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::store::cache::{Cache, Product};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// A program that cargo installs in the cache.
pub(crate) struct CargoInstall {
    /// The program.
    pub(crate) name: &'static str,
    /// The crate that it is in.
    pub(crate) package: &'static str,
    /// The version of that.
    pub(crate) version: &'static str,
    /// More options of `cargo install`.
    pub(crate) options: &'static [&'static str],
}

struct Installed<'a> {
    program: &'a CargoInstall,
    key: Key,
}

impl CargoInstall {
    /// The program, for a machine such as `x86_64-unknown-linux-gnu`.
    pub(crate) fn ensure(&self, cache: Cache<'_>, host: &str) -> Result<PathBuf> {
        let key = KeyBuilder::new(self.name)
            .text(self.version)
            .text(host)
            .finish();
        let folder = cache.ensure(&Installed { program: self, key })?;
        Ok(folder.join("bin").join(self.name))
    }
}

impl Product for Installed<'_> {
    fn task(&self) -> Task {
        let CargoInstall { name, version, .. } = self.program;
        let says = format!("installing {name} {version} in the cache");
        Task::new(*name, says)
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let target = result.join("target");
        log.run(
            Command::new("cargo")
                .args(["install", "--locked"])
                .args(self.program.options)
                .args(["--version", self.program.version, "--root"])
                .arg(result)
                .arg("--target-dir")
                .arg(&target)
                .arg(self.program.package),
        )?;
        fs::remove_dir_all(&target).with_context(|| format!("can't remove {}", target.display()))
    }
}
