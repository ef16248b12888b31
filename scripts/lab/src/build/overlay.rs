// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device-tree overlay that puts the driver's node on QEMU's board.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::Paths;
use crate::store::cache::Product;
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// The compiled overlay's file name.
pub const OVERLAY: &str = "mypoll-qemu-virt.dtbo";

/// The overlay. Its result is [`OVERLAY`].
#[derive(Debug)]
pub struct Overlay {
    source: PathBuf,
    key: Key,
}

impl Overlay {
    /// Reads the overlay's source; nothing is compiled yet.
    pub fn new(paths: &Paths) -> Result<Self> {
        let folder = paths.repo.join("recipes-kernel/linux/files/dts");
        Ok(Self {
            key: KeyBuilder::new("overlay 2").tree(&folder)?.finish(),
            source: folder.join("mypoll-qemu-virt.dtso"),
        })
    }
}

impl Product for Overlay {
    fn task(&self) -> Task {
        Task::new("overlay", "compiling")
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        compile(&self.source, &result.join(OVERLAY), log)
    }
}

/// Compiles an overlay's source.
pub(crate) fn compile(source: &Path, overlay: &Path, log: &mut Log) -> Result<()> {
    let mut dtc = Command::new("dtc");
    dtc.args(["-@", "-I", "dts", "-O", "dtb", "-o"])
        .arg(overlay)
        .arg(source);
    Ok(log.run(&mut dtc)?)
}
