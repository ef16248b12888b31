// SPDX-License-Identifier: MIT OR Apache-2.0
//! Python programs, in virtual environments.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::deps::host::packages::package;
use crate::deps::host::{output, provide};
use crate::store::cache::{Cache, Product};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};
use crate::store::unavailable::Unavailable;

/// The distribution's, which its package python3-venv belongs to.
const PYTHON: &str = "/usr/bin/python3";

/// A virtual environment. Its result is its folder.
#[derive(Debug)]
pub struct Environment {
    name: &'static str,
    programs: &'static str,
    requirements: &'static str,
    key: Key,
}

impl Environment {
    /// The one that is called `name` in the cache, with `programs`, as they are called in messages, and all that they
    /// need in `requirements`, in pip's format; nothing is installed yet.
    pub fn new(
        name: &'static str,
        programs: &'static str,
        requirements: &'static str,
    ) -> Result<Self> {
        Ok(Self {
            name,
            programs,
            requirements,
            key: KeyBuilder::new(name)
                .text(requirements)
                .text(output(Command::new(PYTHON).arg("--version"))?)
                .finish(),
        })
    }

    /// Its folder, for tests that are skipped without it.
    ///
    /// # Errors
    /// [`Unavailable`] where [`Self::require`] fails.
    pub fn ensure(&self, cache: Cache<'_>) -> Result<PathBuf> {
        Unavailable::unless(self.require(cache))
    }

    /// Its folder. It is made where it is not there yet, with the package that this takes.
    ///
    /// # Errors
    /// When the package or the programs are not available or must not be installed.
    pub fn require(&self, cache: Cache<'_>) -> Result<PathBuf> {
        let made = if cache.get(self).is_none() {
            provide(cache.paths, cache.progress, &[package("python3-venv")])
        } else {
            Ok(())
        };
        made.and_then(|()| cache.ensure(self))
            .with_context(|| format!("can't install {}", self.programs))
    }
}

impl Product for Environment {
    fn task(&self) -> Task {
        let says = format!("installing {} in the cache", self.programs);
        Task::new(self.name, says)
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        log.run(Command::new(PYTHON).args(["-m", "venv"]).arg(result))?;
        let requirements = result.join("requirements.txt");
        std::fs::write(&requirements, self.requirements)
            .with_context(|| format!("can't write {}", requirements.display()))?;
        Ok(log.run(
            program(result, "pip")
                .args([
                    "install",
                    "--disable-pip-version-check",
                    "--no-deps",
                    "--require-hashes",
                    "--requirement",
                ])
                .arg(&requirements),
        )?)
    }
}

/// A program of an environment.
pub fn program(environment: &Path, name: &str) -> Command {
    let bin = environment.join("bin");
    // Its first line names the path at which the environment was made, another one.
    let mut command = Command::new(bin.join("python3"));
    command.arg(bin.join(name));
    command
}
