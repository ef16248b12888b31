// SPDX-License-Identifier: MIT OR Apache-2.0
//! What only `./scripts/bench` needs: its guest program, the floor module, and the overlay with the lines of both.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::Product;
use crate::kernel::Kernel;
use crate::key::{Key, KeyBuilder};
use crate::step::{Log, Task};
use crate::userspace::Userspace;
use crate::{Paths, driver, overlay};

/// The guest program's file name.
pub const PROGRAM: &str = "mypoll-bench";

/// The floor module's file name.
pub const FLOOR: &str = "mypoll-floor.ko";

/// The compiled overlay's file name.
pub const OVERLAY: &str = "mypoll-bench.dtbo";

/// Its source.
const OVERLAY_SOURCE: &str = "mypoll-bench.dtso";

/// The bench's parts. Its results are [`PROGRAM`], [`FLOOR`] and [`OVERLAY`].
#[derive(Debug)]
pub struct Bench<'a> {
    kernel: &'a Kernel<'a>,
    userspace: &'a Userspace<'a>,
    source: PathBuf,
    key: Key,
}

impl<'a> Bench<'a> {
    /// Reads the sources; nothing is built yet.
    pub fn new(
        paths: &Paths,
        kernel: &'a Kernel<'a>,
        userspace: &'a Userspace<'a>,
    ) -> Result<Self> {
        let source = paths.repo.join("tests/bench");
        let key = KeyBuilder::new("bench")
            .text(kernel.key())
            .text(userspace.key())
            .tree(&source.join("floor"))?
            .file(&source.join(OVERLAY_SOURCE))?
            .finish();
        Ok(Self {
            kernel,
            userspace,
            source,
            key,
        })
    }
}

impl Product for Bench<'_> {
    fn task(&self) -> Task {
        Task::new("bench", "building its program and its floor", 30)
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        log.run(self.userspace.cargo_build().args(["--package", PROGRAM]))?;
        let program = self.userspace.built().join(PROGRAM);
        fs::copy(&program, result.join(PROGRAM))
            .with_context(|| format!("cargo left no {}", program.display()))?;
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
