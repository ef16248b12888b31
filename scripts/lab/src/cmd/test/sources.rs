// SPDX-License-Identifier: MIT OR Apache-2.0
//! The form of the driver, by the kernel's own tools, and of all files, by pre-commit.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use walkdir::WalkDir;

use super::case::Case;
use super::variant::Variant;
use super::{Lab, Phase, command};
use crate::deps::host::tool;
use crate::deps::python;

const DRIVER: &str = "recipes-kernel/mypoll/mypoll";

pub(super) fn phases() -> Vec<Phase> {
    vec![
        Phase::new("driver: checkpatch", checkpatch),
        Phase::new("driver: the kernel's rustfmt", rustfmt),
        Phase::new("all files: lint", lint).quick(),
    ]
}

fn checkpatch(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let checkpatch = &lab
        .system(Variant::Normal)?
        .source
        .join("scripts/checkpatch.pl");
    files(&lab.paths.repo.join(DRIVER), |path| {
        has_extension(path, &["c", "h"])
    })?
    .iter()
    .map(|file| {
        let mut command = Command::new(checkpatch);
        command
            .args(["--no-tree", "--terse", "--strict", "--file"])
            .arg(file);
        // checkpatch knows the form of trace events only by the kernel's own folder for them.
        if file.ends_with("mypoll_trace.h") {
            command.arg("--ignore=OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT");
        }
        command::case(&in_repo(lab, file), &mut command)
    })
    .collect()
}

fn rustfmt(lab: &Lab<'_>) -> Result<Vec<Case>> {
    if !command::is_there("rustfmt") {
        return Ok(vec![Case::skipped("all files", "rustfmt is not installed")]);
    }
    let config = lab.system(Variant::Normal)?.source.join(".rustfmt.toml");
    files(&lab.paths.repo.join(DRIVER), |path| {
        has_extension(path, &["rs"])
    })?
    .iter()
    .map(|file| {
        let mut command = Command::new("rustfmt");
        command
            .args(["--check", "--config", "skip_children=true", "--config-path"])
            .arg(&config)
            .arg(file);
        command::case(&in_repo(lab, file), &mut command)
    })
    .collect()
}

/// The hooks of `.pre-commit-config.yaml`, but for rustfmt: each workspace has a phase for it.
fn lint(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let tools = python::environment(lab.cache(), "pre-commit", "scripts/lab/pre-commit.txt")?;
    lab.needs(&[tool("shellcheck", "shellcheck")])?;
    let mut pre_commit = python::program(&tools, "pre-commit");
    pre_commit
        .args(["run", "--all-files", "--color=never"])
        .current_dir(&lab.paths.repo)
        .env("PRE_COMMIT_HOME", lab.paths.cache.join("pre-commit-hooks"))
        .env("SKIP", "rustfmt")
        // The clone may belong to another user, as in a container.
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*");
    Ok(vec![command::case("pre-commit", &mut pre_commit)?])
}

/// The files below `folder` that `wanted` takes; that there are none is an error.
pub(super) fn files(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let files = WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.file_name() != "target")
        .filter_map(|entry| match entry {
            Ok(entry) if entry.file_type().is_file() && wanted(entry.path()) => {
                Some(Ok(entry.into_path()))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("can't read {}", folder.display()))?;
    ensure!(
        !files.is_empty(),
        "{} has nothing to check",
        folder.display()
    );
    Ok(files)
}

pub(super) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .is_some_and(|found| extensions.iter().any(|wanted| found == *wanted))
}

fn in_repo(lab: &Lab<'_>, file: &Path) -> String {
    file.strip_prefix(&lab.paths.repo)
        .unwrap_or(file)
        .display()
        .to_string()
}
