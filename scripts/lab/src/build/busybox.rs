// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's shell and standard commands: static busybox.

use std::process::Command;
use std::thread::available_parallelism;

use anyhow::Result;
use fs_err as fs;

use crate::build::kernel::config;
use crate::deps::host::{CROSS, is_arm64};
use crate::deps::source::{Tarball, unpack};
use crate::deps::toolchain::Toolchain;
use crate::store::cache::{Cache, Part, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::Task;

/// Changes to busybox's default configuration.
const FRAGMENT: &str = "scripts/lab/busybox.cfg";

/// Builds the program `busybox` and the list `busybox.links` of its command names.
pub fn busybox(cache: Cache<'_>, tarball: &Tarball, toolchain: &Toolchain) -> Result<Part> {
    let fragment_path = cache.paths.repo.join(FRAGMENT);
    let fragment = fs::read_to_string(&fragment_path)?;
    let product = Product::new(
        Task::new("busybox", "building"),
        KeyBuilder::new("busybox")
            .text(&tarball.sha256)
            .text(&fragment)
            .text(&toolchain.guest_c_version),
    );
    cache.part(&product, |result, log| {
        let source = tempfile::tempdir_in(result)?;
        let source = source.path();
        unpack(&tarball.path, source, log)?;
        let make = || {
            let mut make = Command::new("make");
            let cross = if is_arm64() { "" } else { CROSS };
            let jobs = available_parallelism().map_or(1, usize::from);
            make.current_dir(source)
                .arg(format!("CROSS_COMPILE={cross}"))
                .arg(format!("-j{jobs}"))
                .env("SOURCE_DATE_EPOCH", "0")
                .env_remove("MAKEFLAGS")
                .env_remove("CFLAGS");
            make
        };
        log.run(make().arg("defconfig"))?;
        let config = source.join(".config");
        // Busybox's Kconfig takes the first of two assignments.
        let merged = fragment + &fs::read_to_string(&config)?;
        fs::write(&config, merged)?;
        log.run(make().arg("silentoldconfig"))?;
        config::check(&cache.paths.repo, &config, [&fragment_path])?;
        log.run(make().args(["busybox", "busybox.links"]))?;
        for name in ["busybox", "busybox.links"] {
            fs::rename(source.join(name), result.join(name))?;
        }
        Ok(())
    })
}
