// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs of crates.io.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::Task;

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

impl CargoInstall {
    /// The program, for a machine such as `x86_64-unknown-linux-gnu`.
    pub(crate) fn ensure(&self, cache: Cache<'_>, host: &str) -> Result<PathBuf> {
        let (name, version) = (self.name, self.version);
        let product = Product::new(
            Task::new(name, format!("installing {name} {version} in the cache")),
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
