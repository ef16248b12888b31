// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver, built as a module of its own against the kernel.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::Paths;
use crate::build::flavour::Flavour;
use crate::build::kernel::Kernel;
use crate::store::cache::Product;
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// The module's file name.
pub const MODULE: &str = "mypoll.ko";

/// The driver for one kernel. Its result is [`MODULE`].
#[derive(Debug)]
pub struct Driver<'a> {
    kernel: &'a Kernel<'a>,
    source: PathBuf,
    flavour: Flavour,
    key: Key,
}

impl<'a> Driver<'a> {
    /// Reads the driver's source; nothing is built yet.
    pub fn new(paths: &Paths, kernel: &'a Kernel<'a>, flavour: Flavour) -> Result<Self> {
        let source = paths.repo.join("recipes-kernel/mypoll/mypoll");
        let key = KeyBuilder::new("driver")
            .text(kernel.key())
            .tree(&source)?
            .finish();
        Ok(Self {
            kernel,
            source,
            flavour,
            key,
        })
    }
}

impl Product for Driver<'_> {
    fn task(&self) -> Task {
        match self.flavour {
            Flavour::Normal => Task::new("driver", "building"),
            Flavour::Debug => Task::new("driver-debug", "building"),
        }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        make_module(self.kernel, &self.source, &result.join(MODULE), log)
    }
}

/// Builds the module in the folder `source` against `kernel`, and leaves it as `module`.
pub(crate) fn make_module(
    kernel: &Kernel<'_>,
    source: &Path,
    module: &Path,
    log: &mut Log,
) -> Result<()> {
    let _tree = kernel.lock_tree(log)?;
    let objects = module.with_extension("objects");
    fs::create_dir(&objects).with_context(|| format!("can't create {}", objects.display()))?;
    log.run(
        Kernel::make(kernel)
            .arg(format!("M={}", source.display()))
            .arg(format!("MO={}", objects.display()))
            .arg("modules"),
    )?;
    let built = objects.join(module.file_name().context("a module has a name")?);
    fs::rename(&built, module).with_context(|| format!("the build left no {}", built.display()))?;
    fs::remove_dir_all(&objects).with_context(|| format!("can't remove {}", objects.display()))
}
