// SPDX-License-Identifier: MIT OR Apache-2.0
//! Installs Python programs in virtual environments.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::deps::host::{output, package, provide};
use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::{Log, Task};
use crate::store::unavailable::Unavailable;

/// The distribution's Python, which its package python3-venv supports.
const PYTHON: &str = "/usr/bin/python3";

/// Like [`require`], for tests that are skipped without the environment.
///
/// # Errors
/// [`Unavailable`] if [`require`] fails.
pub fn environment(cache: Cache<'_>, name: &str, requirements: &str) -> Result<PathBuf> {
    Unavailable::unless(require(cache, name, requirements))
}

/// Creates the virtual environment `name` unless it is in the cache, and returns its folder. `requirements` is a file
/// in pip's format. Installs the package python3-venv if needed.
///
/// # Errors
/// The package or the programs are not available or must not be installed.
pub fn require(cache: Cache<'_>, name: &str, requirements: &str) -> Result<PathBuf> {
    let requirements = fs_err::read_to_string(cache.paths.repo.join(requirements))?;
    let product = Product::new(
        Task::new(name, format!("installing {name} into the cache")),
        KeyBuilder::new(name)
            .text(&requirements)
            .text(output(Command::new(PYTHON).arg("--version"))?),
    );
    let venv = if cache.get(&product).is_none() {
        provide(cache.paths, cache.progress, &[package("python3-venv")])
    } else {
        Ok(())
    };
    let make = |result: &Path, log: &mut Log| {
        log.run(Command::new(PYTHON).args(["-m", "venv"]).arg(result))?;
        let file = result.join("requirements.txt");
        fs_err::write(&file, &requirements)?;
        log.run(
            program(result, "pip")
                .args(["install", "--disable-pip-version-check", "--no-deps"])
                .args(["--require-hashes", "--requirement"])
                .arg(&file),
        )
    };
    venv.and_then(|()| cache.ensure(&product, make))
        .with_context(|| format!("can't install {name}"))
}

/// A program of an environment.
pub fn program(environment: &Path, name: &str) -> Command {
    let bin = environment.join("bin");
    // Its #! line has the path where the environment was created, before it was renamed.
    let mut command = Command::new(bin.join("python3"));
    command.arg(bin.join(name));
    command
}
