// SPDX-License-Identifier: MIT OR Apache-2.0
//! cargo-deb, from crates.io.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::{Cache, Product};
use crate::key::{Key, KeyBuilder};
use crate::step::{Log, Task};

const VERSION: &str = "3.8.0";

/// The program, for a machine such as `x86_64-unknown-linux-gnu`.
pub(super) fn install(cache: Cache<'_>, host: &str) -> Result<PathBuf> {
    let key = KeyBuilder::new("cargo-deb")
        .text(VERSION)
        .text(host)
        .finish();
    Ok(cache.ensure(&CargoDeb { key })?.join("bin/cargo-deb"))
}

struct CargoDeb {
    key: Key,
}

impl Product for CargoDeb {
    fn task(&self) -> Task {
        let says = format!("installing cargo-deb {VERSION} in the cache");
        Task::new("cargo-deb", says, 60)
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let target = result.join("target");
        log.run(
            Command::new("cargo")
                // Compiled quickly, and with xz in place of a library for it.
                .args(["install", "--locked", "--debug", "--no-default-features"])
                .args(["--version", VERSION, "--root"])
                .arg(result)
                .arg("--target-dir")
                .arg(&target)
                .arg("cargo-deb"),
        )?;
        fs::remove_dir_all(&target).with_context(|| format!("can't remove {}", target.display()))
    }
}
