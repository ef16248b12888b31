// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's shell and usual commands: busybox, static.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context, Result};

use crate::cache::Product;
use crate::host::{CROSS, is_arm64};
use crate::kernel::config::{self, Fragment};
use crate::key::{Key, KeyBuilder};
use crate::source::{Tarball, unpack};
use crate::step::{Log, Task};
use crate::toolchain::Toolchain;

/// What differs from busybox's own default configuration.
const FRAGMENT: &str = include_str!("../busybox.cfg");

/// busybox. Its results are the program `busybox` and the list `busybox.links` of the names it goes by.
#[derive(Debug)]
pub struct Busybox<'a> {
    tarball: &'a Tarball,
    key: Key,
}

impl<'a> Busybox<'a> {
    /// Describes it; nothing is built yet.
    pub fn new(tarball: &'a Tarball, toolchain: &Toolchain) -> Self {
        let key = KeyBuilder::new("busybox")
            .text(&tarball.sha256)
            .text(FRAGMENT)
            .text(toolchain.for_guest_c())
            .finish();
        Self { tarball, key }
    }
}

impl Product for Busybox<'_> {
    fn task(&self) -> Task {
        Task::new("busybox", "building", 60)
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let source = result.join("source");
        unpack(&self.tarball.path, &source, log)?;
        let make = || {
            let mut make = Command::new("make");
            let cross = if is_arm64() { "" } else { CROSS };
            let jobs = available_parallelism().map_or(1, usize::from);
            make.current_dir(&source)
                .arg(format!("CROSS_COMPILE={cross}"))
                .arg(format!("-j{jobs}"));
            make.env("SOURCE_DATE_EPOCH", "0")
                .env_remove("MAKEFLAGS")
                .env_remove("CFLAGS");
            make
        };
        log.run(make().arg("defconfig"))?;
        let config = source.join(".config");
        let read = || {
            fs::read_to_string(&config).with_context(|| format!("can't read {}", config.display()))
        };
        let changed = config::apply(&read()?, FRAGMENT);
        fs::write(&config, changed).with_context(|| format!("can't write {}", config.display()))?;
        log.run(make().arg("silentoldconfig"))?;
        config::check(
            &[Fragment {
                name: "busybox".to_owned(),
                text: FRAGMENT.to_owned(),
            }],
            &read()?,
        )?;
        log.run(make().args(["busybox", "busybox.links"]))?;
        for name in ["busybox", "busybox.links"] {
            fs::rename(source.join(name), result.join(name))
                .with_context(|| format!("the build left no {name}"))?;
        }
        fs::remove_dir_all(&source).with_context(|| format!("can't remove {}", source.display()))
    }
}
