// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests in Python, by pytest.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;
use rustix::process::Signal;

use super::case::Case;
use super::{Lab, command, junit};
use crate::deps::python;

/// Runs the tests in `folder` by `python`, which find their modules in `path`; both are in the repository.
pub(super) fn run(
    lab: &Lab<'_>,
    python: &mut Command,
    folder: &str,
    path: &str,
) -> Result<Vec<Case>> {
    let work = tempfile::tempdir()?;
    let report = work.path().join("junit.xml");
    let mut modules = OsString::from(format!("{path}:"));
    modules.push(pytest(lab)?);
    python
        .args(["-m", "pytest", folder, "--rootdir", folder])
        // Other folders' tests need other things.
        .args(["-o", "norecursedirs=*", "-o", "junit_logging=all"])
        .args(["-p", "no:cacheprovider", "--timeout=1800"])
        .arg("--junit-xml")
        .arg(&report)
        .current_dir(&lab.paths.repo)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", modules);
    // A test that SIGINT ends still cleans up: loop devices, mounts.
    let (success, said) = command::run_until(python, Signal::INT)?;
    junit::read(&report, success, &said)
}

/// The folder of its modules. They are all Python, so that any interpreter can take them.
fn pytest(lab: &Lab<'_>) -> Result<PathBuf> {
    // Without it nothing is tested: that is no reason to skip all.
    let environment = python::require(lab.cache(), "pytest", "tests/pytest.txt")?;
    let version = fs::read_dir(environment.join("lib"))?
        .next()
        .context("pytest's environment holds no Python")??;
    Ok(version.path().join("site-packages"))
}
