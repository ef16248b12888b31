// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device-tree overlay with the driver's node for QEMU's board.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::{Log, Task};

/// Compiles the overlay. Returns its path.
pub fn overlay(cache: Cache<'_>) -> Result<PathBuf> {
    const OVERLAY: &str = "mypoll-qemu-virt.dtbo";
    let folder = cache.paths.repo.join("recipes-kernel/linux/files/dts");
    let key = KeyBuilder::new("overlay 2").tree(&folder)?;
    let product = Product::new(Task::new("overlay", "compiling"), key);
    let source = folder.join("mypoll-qemu-virt.dtso");
    let built = cache.ensure(&product, |result, log| {
        compile(&source, &result.join(OVERLAY), log)
    })?;
    Ok(built.join(OVERLAY))
}

/// Compiles `source` to `overlay`.
pub(crate) fn compile(source: &Path, overlay: &Path, log: &mut Log) -> Result<()> {
    let mut dtc = Command::new("dtc");
    dtc.args(["-@", "-I", "dts", "-O", "dtb", "-o"])
        .args([overlay, source]);
    log.run(&mut dtc)
}
