// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's shell and usual commands: busybox, static.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context, Result};

use crate::build::kernel::config;
use crate::deps::host::{CROSS, is_arm64};
use crate::deps::source::{Tarball, unpack};
use crate::deps::toolchain::Toolchain;
use crate::store::cache::Product;
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// What differs from busybox's own default configuration.
const FRAGMENT: &str = include_str!("../../busybox.cfg");

/// busybox. Its results are the program `busybox` and the list `busybox.links` of the names it goes by.
#[derive(Debug)]
pub struct Busybox<'a> {
    repo: &'a Path,
    tarball: &'a Tarball,
    key: Key,
}

impl<'a> Busybox<'a> {
    /// Describes it; nothing is built yet.
    pub fn new(repo: &'a Path, tarball: &'a Tarball, toolchain: &Toolchain) -> Self {
        let key = KeyBuilder::new("busybox")
            .text(&tarball.sha256)
            .text(FRAGMENT)
            .text(toolchain.for_guest_c())
            .finish();
        Self { repo, tarball, key }
    }
}

impl Product for Busybox<'_> {
    fn task(&self) -> Task {
        Task::new("busybox", "building")
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
        let own = fs::read_to_string(&config)
            .with_context(|| format!("can't read {}", config.display()))?;
        fs::write(&config, apply(&own, FRAGMENT))
            .with_context(|| format!("can't write {}", config.display()))?;
        log.run(make().arg("silentoldconfig"))?;
        let fragment = self.repo.join("scripts/lab/busybox.cfg");
        config::check(self.repo, &config, [fragment])?;
        log.run(make().args(["busybox", "busybox.links"]))?;
        for name in ["busybox", "busybox.links"] {
            fs::rename(source.join(name), result.join(name))
                .with_context(|| format!("the build left no {name}"))?;
        }
        fs::remove_dir_all(&source).with_context(|| format!("can't remove {}", source.display()))
    }
}

/// A configuration with a fragment's options in place of its own: busybox's Kconfig takes no fragments.
fn apply(config: &str, fragment: &str) -> String {
    let changed: HashSet<_> = fragment.lines().filter_map(option).collect();
    let own = config
        .lines()
        .filter(|line| option(line).is_none_or(|option| !changed.contains(option)));
    own.chain(fragment.lines())
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Which option a line is about: `CONFIG_X=value`, `# CONFIG_X is not set`.
fn option(line: &str) -> Option<&str> {
    let line = line.strip_prefix("# ").unwrap_or(line);
    let end = line.find(['=', ' '])?;
    line.starts_with("CONFIG_").then(|| &line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_replaces_options() {
        let config = "CONFIG_TC=y\n# CONFIG_STATIC is not set\nCONFIG_ASH=y\n";
        let result = apply(config, "# CONFIG_TC is not set\nCONFIG_STATIC=y\n");
        assert_eq!(
            result,
            "CONFIG_ASH=y\n# CONFIG_TC is not set\nCONFIG_STATIC=y\n"
        );
    }
}
