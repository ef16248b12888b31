// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs Python tests with pytest.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;
use rustix::process::Signal;

use super::case::Case;
use super::{Lab, command, junit};
use crate::deps::python;

/// Runs the tests in `folder` with `python`. They import modules from `path`. Both are relative to the repository.
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
        // Tests in other folders have other requirements.
        .args(["-o", "norecursedirs=*", "-o", "junit_logging=all"])
        .args(["-p", "no:cacheprovider", "--timeout=1800"])
        .arg("--junit-xml")
        .arg(&report)
        .current_dir(&lab.paths.repo)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", modules);
    // On SIGINT, tests clean up: loop devices, mounts.
    let (success, output) = command::run_until(python, Signal::INT)?;
    junit::read(&report, success, &output)
}

/// The folder of pytest's modules. They are pure Python, so any interpreter can import them.
fn pytest(lab: &Lab<'_>) -> Result<PathBuf> {
    // A missing pytest is an error, not a skip: nothing would be tested.
    let environment = python::require(lab.cache(), "pytest", "tests/pytest.txt")?;
    let version = fs::read_dir(environment.join("lib"))?
        .next()
        .context("pytest's environment contains no Python")??;
    Ok(version.path().join("site-packages"))
}
