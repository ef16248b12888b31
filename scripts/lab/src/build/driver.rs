// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the driver as an out-of-tree module.

use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::build::kernel::Kernel;
use crate::store::cache::{Cache, Part, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::{Log, Task};

/// The module's file name.
pub const MODULE: &str = "mypoll.ko";

/// Builds the driver for a kernel: [`MODULE`].
pub fn driver(cache: Cache<'_>, kernel: &Kernel<'_>) -> Result<Part> {
    let source = cache.paths.repo.join("recipes-kernel/mypoll/mypoll");
    let product = Product::new(
        Task::new(kernel.flavour().of("driver"), "building"),
        KeyBuilder::new("driver").text(kernel.key()).tree(&source)?,
    );
    cache.part(&product, |result, log| {
        make_module(kernel, &source, &result.join(MODULE), log)
    })
}

/// Builds the module in the folder `source` against `kernel`, and writes it to `module`.
pub(crate) fn make_module(
    kernel: &Kernel<'_>,
    source: &Path,
    module: &Path,
    log: &mut Log,
) -> Result<()> {
    let _tree = kernel.lock_tree(log)?;
    let objects = module.with_extension("objects");
    fs::create_dir(&objects)?;
    log.run(
        kernel
            .make()
            .arg(format!("M={}", source.display()))
            .arg(format!("MO={}", objects.display()))
            .arg("modules"),
    )?;
    let name = module.file_name().context("a module has a name")?;
    fs::rename(objects.join(name), module)?;
    Ok(fs::remove_dir_all(&objects)?)
}
