// SPDX-License-Identifier: MIT OR Apache-2.0
//! kas and oelint-adv, in a virtual environment of Python.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Unavailable;
use crate::cache::Product;
use crate::host::output;
use crate::key::{Key, KeyBuilder};
use crate::step::{Log, Task};

const REQUIREMENTS: &str = include_str!("../../../../tests/yocto/requirements.txt");

/// The distribution's, which its package python3-venv belongs to.
const PYTHON: &str = "/usr/bin/python3";

pub(super) struct Tools {
    key: Key,
}

impl Tools {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            key: KeyBuilder::new("yocto-tools")
                .text(REQUIREMENTS)
                .text(output(Command::new(PYTHON).arg("--version"))?)
                .finish(),
        })
    }
}

impl Product for Tools {
    fn task(&self) -> Task {
        Task::new(
            "yocto-tools",
            "installing kas and oelint-adv in the cache",
            60,
        )
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        log.run(Command::new(PYTHON).args(["-m", "venv"]).arg(result))?;
        let requirements = result.join("requirements.txt");
        std::fs::write(&requirements, REQUIREMENTS)
            .with_context(|| format!("can't write {}", requirements.display()))?;
        log.run(
            command(result, "pip")
                .args([
                    "install",
                    "--disable-pip-version-check",
                    "--no-deps",
                    "--requirement",
                ])
                .arg(&requirements),
        )
        .context(Unavailable(
            "pip can't install kas, which gets the layers".to_owned(),
        ))
    }
}

/// The programs in the environment's `bin` name its path in their first line, and it was made at another one.
pub(super) fn command(tools: &Path, module: &str) -> Command {
    let mut command = Command::new(tools.join("bin/python3"));
    command.args(["-m", module]);
    command
}
