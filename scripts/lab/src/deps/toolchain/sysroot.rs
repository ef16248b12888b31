// SPDX-License-Identifier: MIT OR Apache-2.0
//! A sysroot with the library's source in it: cargo looks for that nowhere else. It is made of links, so that nothing
//! is written into the toolchain itself.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Rustc;
use crate::store::cache::Product;
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// The toolchain's sysroot with the library's source added.
pub(super) struct Sysroot<'a> {
    rustc: &'a Rustc,
    /// The folder that holds `library`.
    source: PathBuf,
    key: Key,
}

impl<'a> Sysroot<'a> {
    pub(super) fn new(rustc: &'a Rustc, library: &Path) -> Self {
        let source = library.parent().unwrap_or(library).to_owned();
        let key = KeyBuilder::new("sysroot")
            .text(&rustc.verbose)
            .text(rustc.sysroot.display())
            .text(source.display())
            .finish();
        Self { rustc, source, key }
    }
}

impl Product for Sysroot<'_> {
    fn task(&self) -> Task {
        Task::new(
            "sysroot",
            "linking the Rust library's source into a sysroot",
        )
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, _: &mut Log) -> Result<()> {
        let host = self.rustc.host()?;
        let rustlib = result.join("lib/rustlib");
        fs::create_dir_all(rustlib.join("src"))
            .with_context(|| format!("can't create {}", rustlib.display()))?;
        link(
            &self.rustc.sysroot.join("lib/rustlib").join(host),
            &rustlib.join(host),
        )?;
        link(&self.source, &rustlib.join("src/rust"))
    }
}

fn link(to: &Path, at: &Path) -> Result<()> {
    symlink(to, at).with_context(|| format!("can't create {}", at.display()))
}
