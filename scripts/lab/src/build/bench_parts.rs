// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts that only `./scripts/bench` needs: its guest program, gpiomon, the floor module, and the overlay with the
//! lines of all drivers.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;

use super::{driver, overlay};
use crate::build::kernel::Kernel;
use crate::build::userspace::Userspace;
use crate::deps::source::{Catalog, tarball, unpack};
use crate::deps::toolchain::Toolchain;
use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::{Log, Task};

/// The guest program's file name.
pub const PROGRAM: &str = "mypoll-bench";

/// The file name of libgpiod's program that prints edges.
pub const GPIOMON: &str = "gpiomon";

/// The floor module's file name.
pub const FLOOR: &str = "mypoll-floor.ko";

/// The compiled overlay's file name.
pub const OVERLAY: &str = "mypoll-bench.dtbo";

/// The overlay's source.
const OVERLAY_SOURCE: &str = "mypoll-bench.dtso";

/// Builds [`PROGRAM`], [`GPIOMON`], [`FLOOR`] and [`OVERLAY`].
pub fn bench(
    cache: Cache<'_>,
    kernel: &Kernel<'_>,
    userspace: &Userspace<'_>,
    toolchain: &Toolchain,
) -> Result<PathBuf> {
    let libgpiod = tarball(cache, &Catalog::built_in().libgpiod)?;
    let source = cache.paths.repo.join("tests/bench");
    let (floor, overlay) = (source.join("floor"), source.join(OVERLAY_SOURCE));
    let product = Product::new(
        Task::new("bench", "building programs and floor module"),
        KeyBuilder::new("bench")
            .text(kernel.key())
            .text(userspace.key())
            .text(&libgpiod.sha256)
            .tree(&floor)?
            .file(&overlay)?,
    );
    cache.ensure(&product, |result, log| {
        log.run(userspace.cargo_build().args(["--package", PROGRAM]))?;
        fs::copy(userspace.built().join(PROGRAM), result.join(PROGRAM))?;
        gpiomon(&libgpiod.path, toolchain, &result.join(GPIOMON), log)?;
        driver::make_module(kernel, &floor, &result.join(FLOOR), log)?;
        overlay::compile(&overlay, &result.join(OVERLAY), log)
    })
}

/// Compiles gpiomon directly from its sources, without libgpiod's build system.
fn gpiomon(tarball: &Path, toolchain: &Toolchain, program: &Path, log: &mut Log) -> Result<()> {
    let source = tempfile::tempdir()?;
    unpack(tarball, source.path(), log)?;
    let mut cc = toolchain.cc_for_guest();
    cc.current_dir(source.path()).args([
        "-O2",
        "-D_GNU_SOURCE",
        "-DGPIOD_VERSION_STR=\"\"",
        "-Iinclude",
    ]);
    for entry in fs::read_dir(source.path().join("lib"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            cc.arg(path);
        }
    }
    cc.args(["tools/gpiomon.c", "tools/tools-common.c", "-o"]);
    log.run(cc.arg(program))
}
