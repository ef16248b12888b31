// SPDX-License-Identifier: MIT OR Apache-2.0
//! The form of what cargo does not see: the driver, by the kernel's own tools, and the shell scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use walkdir::WalkDir;

use super::case::Case;
use super::variant::Variant;
use super::{Lab, Phase, command};
use crate::deps::host::{find_tool, output};

pub(super) const DRIVER: &str = "recipes-kernel/mypoll/mypoll";

pub(super) fn phases() -> Vec<Phase> {
    vec![
        Phase::new("driver: checkpatch", checkpatch),
        Phase::new("driver: the kernel's rustfmt", rustfmt),
        Phase::new("scripts: shellcheck", shellcheck).quick(),
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

fn shellcheck(lab: &Lab<'_>) -> Result<Vec<Case>> {
    if find_tool("shellcheck").is_none() {
        let reason = "shellcheck is not installed (Debian, Ubuntu: package shellcheck)";
        return Ok(vec![Case::skipped("all scripts", reason)]);
    }
    shell_scripts(&lab.paths.repo)?
        .iter()
        .map(|file| {
            let mut command = Command::new("shellcheck");
            command.arg("--external-sources").arg(file);
            command::case(&in_repo(lab, file), &mut command)
        })
        .collect()
}

/// All that git has or would take.
fn shell_scripts(repo: &Path) -> Result<Vec<PathBuf>> {
    // A clone of another user's, as in a container, is to be looked at all the same.
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "-C"]).arg(repo).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    Ok(output(&mut git)?
        .split_terminator('\0')
        .map(|file| repo.join(file))
        .filter(|file| fs::symlink_metadata(file).is_ok_and(|file| file.is_file()))
        .filter(|file| is_shell(file))
        .collect())
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

fn is_shell(path: &Path) -> bool {
    has_extension(path, &["sh"])
        || fs::read(path).is_ok_and(|bytes| {
            [&b"#!/bin/sh\n"[..], b"#!/bin/bash\n"]
                .iter()
                .any(|shell| bytes.starts_with(shell))
        })
}

fn in_repo(lab: &Lab<'_>, file: &Path) -> String {
    file.strip_prefix(&lab.paths.repo)
        .unwrap_or(file)
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_script_of_the_repository_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path();
        let git = |arguments: &[&str]| {
            output(Command::new("git").arg("-C").arg(repo).args(arguments)).unwrap();
        };
        git(&["init", "--quiet"]);
        fs::create_dir_all(repo.join("meta/files")).unwrap();
        for (file, text) in [
            (".gitignore", "ignored"),
            ("ignored", "#!/bin/sh\n"),
            ("meta/files/script", "#!/bin/sh\n"),
            ("meta/files/bash", "#!/bin/bash\n"),
            ("meta/files/python", "#!/usr/bin/env python3\n"),
            ("new", "#!/bin/sh\n"),
            ("removed.sh", ""),
            ("sourced.sh", ""),
        ] {
            fs::write(repo.join(file), text).unwrap();
        }
        symlink("sourced.sh", repo.join("link.sh")).unwrap();
        git(&["add", "meta", "removed.sh", "sourced.sh", "link.sh"]);
        fs::remove_file(repo.join("removed.sh")).unwrap();

        let mut found = shell_scripts(repo).unwrap();
        found.sort();
        let expected = ["meta/files/bash", "meta/files/script", "new", "sourced.sh"];
        assert_eq!(found, expected.map(|file| repo.join(file)));
    }
}
