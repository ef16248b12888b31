// SPDX-License-Identifier: MIT OR Apache-2.0
//! Installs programs from crates.io.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::Task;

/// A program that cargo installs into the cache.
pub(crate) struct CargoInstall {
    /// The program's name.
    pub(crate) name: &'static str,
    /// Its crate.
    pub(crate) package: &'static str,
    /// The crate's version.
    pub(crate) version: &'static str,
    /// Additional options of `cargo install`.
    pub(crate) options: &'static [&'static str],
}

impl CargoInstall {
    /// Installs the program unless it is in the cache. `host` is a target such as `x86_64-unknown-linux-gnu`.
    pub(crate) fn ensure(&self, cache: Cache<'_>, host: &str) -> Result<PathBuf> {
        let (name, version) = (self.name, self.version);
        let product = Product::new(
            Task::new(name, format!("installing {name} {version} into the cache")),
            KeyBuilder::new(name).text(version).text(host),
        );
        let folder = cache.ensure(&product, |result, log| {
            let target = tempfile::tempdir_in(result)?;
            log.run(
                Command::new("cargo")
                    .args(["install", "--locked", "--version", version])
                    .args(self.options)
                    .arg("--root")
                    .arg(result)
                    .arg("--target-dir")
                    .arg(target.path())
                    .arg(self.package),
            )
        })?;
        Ok(folder.join("bin").join(name))
    }
}
