// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks the style of the driver with the kernel's tools, and of all files with pre-commit.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::case::Case;
use super::{Lab, Phase, command};
use crate::Flavour;
use crate::deps::host::{output, tool};
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
    let source = &lab.system(Flavour::Normal)?.source;
    each(lab, &["*.c", "*.h"], |file| {
        let mut checkpatch = Command::new(source.join("scripts/checkpatch.pl"));
        checkpatch.args(["--no-tree", "--terse", "--strict"]);
        // checkpatch accepts the style of trace events only in the kernel's own folder for them.
        if file.ends_with("mypoll_trace.h") {
            checkpatch.arg("--ignore=OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT");
        }
        checkpatch.arg("--file");
        checkpatch
    })
}

fn rustfmt(lab: &Lab<'_>) -> Result<Vec<Case>> {
    if !command::is_installed("rustfmt") {
        return Ok(vec![Case::skipped("all files", "rustfmt is not installed")]);
    }
    let config = lab.system(Flavour::Normal)?.source.join(".rustfmt.toml");
    each(lab, &["*.rs"], |_| {
        let mut rustfmt = Command::new("rustfmt");
        rustfmt
            .args(["--check", "--config", "skip_children=true", "--config-path"])
            .arg(&config);
        rustfmt
    })
}

/// One test for each of the driver's files with one of these names: a command with the file as its argument.
fn each(lab: &Lab<'_>, names: &[&str], command: impl Fn(&Path) -> Command) -> Result<Vec<Case>> {
    let repo = &lab.paths.repo;
    files(&repo.join(DRIVER), names)?
        .iter()
        .map(|file| {
            let name = file.strip_prefix(repo).unwrap_or(file).display();
            command::case(&name.to_string(), command(file).arg(file))
        })
        .collect()
}

/// Runs the hooks of `.pre-commit-config.yaml` except rustfmt, for which each workspace has a phase.
fn lint(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let tools = python::environment(lab.cache(), "pre-commit", "scripts/lab/pre-commit.txt")?;
    lab.needs(&[tool("shellcheck", "shellcheck")])?;
    let mut pre_commit = python::program(&tools, "pre-commit");
    pre_commit
        .args(["run", "--all-files", "--color=never"])
        .current_dir(&lab.paths.repo)
        .env("PRE_COMMIT_HOME", lab.paths.cache.join("pre-commit-hooks"))
        .env("SKIP", "rustfmt")
        // In a container the clone may belong to another user.
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*");
    Ok(vec![command::case("pre-commit", &mut pre_commit)?])
}

/// The files in a folder of the repository that match git's patterns. Having none is an error.
pub(super) fn files(folder: &Path, patterns: &[&str]) -> Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    // In a container the clone may belong to another user.
    git.args(["-c", "safe.directory=*", "ls-files", "--cached", "--others"])
        .args(["--exclude-standard", "--"])
        .args(patterns)
        .current_dir(folder);
    let listed = output(&mut git)?;
    let files = listed.lines().map(|name| folder.join(name));
    // A file that is deleted, but not committed, is listed, too.
    let files: Vec<_> = files.filter(|file| file.exists()).collect();
    ensure!(!files.is_empty(), "no file matches {}", patterns.join(" "));
    Ok(files)
}
