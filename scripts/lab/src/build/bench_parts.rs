// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only `./scripts/bench` needs: its guest program, gpiomon, the floor module, and the overlay with the lines of all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{driver, overlay};
use crate::Paths;
use crate::build::kernel::Kernel;
use crate::build::userspace::Userspace;
use crate::deps::source::{Tarball, unpack};
use crate::deps::toolchain::Toolchain;
use crate::store::cache::Product;
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// The guest program's file name.
pub const PROGRAM: &str = "mypoll-bench";

/// The file name of libgpiod's program that prints edges.
pub const GPIOMON: &str = "gpiomon";

/// The floor module's file name.
pub const FLOOR: &str = "mypoll-floor.ko";

/// The compiled overlay's file name.
pub const OVERLAY: &str = "mypoll-bench.dtbo";

/// Its source.
const OVERLAY_SOURCE: &str = "mypoll-bench.dtso";

/// The bench's parts. Its results are [`PROGRAM`], [`GPIOMON`], [`FLOOR`] and [`OVERLAY`].
#[derive(Debug)]
pub struct Bench<'a> {
    kernel: &'a Kernel<'a>,
    userspace: &'a Userspace<'a>,
    toolchain: &'a Toolchain,
    libgpiod: &'a Tarball,
    source: PathBuf,
    key: Key,
}

impl<'a> Bench<'a> {
    /// Reads the sources; nothing is built yet.
    pub fn new(
        paths: &Paths,
        kernel: &'a Kernel<'a>,
        userspace: &'a Userspace<'a>,
        toolchain: &'a Toolchain,
        libgpiod: &'a Tarball,
    ) -> Result<Self> {
        let source = paths.repo.join("tests/bench");
        let key = KeyBuilder::new("bench")
            .text(kernel.key())
            .text(userspace.key())
            .text(&libgpiod.sha256)
            .tree(&source.join("floor"))?
            .file(&source.join(OVERLAY_SOURCE))?
            .finish();
        Ok(Self {
            kernel,
            userspace,
            toolchain,
            libgpiod,
            source,
            key,
        })
    }

    /// Compiles gpiomon, which takes no more than its sources.
    fn gpiomon(&self, result: &Path, log: &mut Log) -> Result<()> {
        let source = result.join("libgpiod");
        unpack(&self.libgpiod.path, &source, log)?;
        let mut cc = self.toolchain.cc_for_guest();
        cc.current_dir(&source).args([
            "-O2",
            "-D_GNU_SOURCE",
            "-DGPIOD_VERSION_STR=\"\"",
            "-Iinclude",
        ]);
        for entry in fs::read_dir(source.join("lib"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "c") {
                cc.arg(path);
            }
        }
        cc.args(["tools/gpiomon.c", "tools/tools-common.c", "-o"])
            .arg(result.join(GPIOMON));
        log.run(&mut cc)?;
        fs::remove_dir_all(&source).with_context(|| format!("can't remove {}", source.display()))
    }
}

impl Product for Bench<'_> {
    fn task(&self) -> Task {
        Task::new("bench", "building its programs and its floor")
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        log.run(self.userspace.cargo_build().args(["--package", PROGRAM]))?;
        let program = self.userspace.built().join(PROGRAM);
        fs::copy(&program, result.join(PROGRAM))
            .with_context(|| format!("cargo left no {}", program.display()))?;
        self.gpiomon(result, log)?;
        driver::make_module(
            self.kernel,
            &self.source.join("floor"),
            &result.join(FLOOR),
            log,
        )?;
        let source = self.source.join(OVERLAY_SOURCE);
        overlay::compile(&source, &result.join(OVERLAY), log)
    }
}
