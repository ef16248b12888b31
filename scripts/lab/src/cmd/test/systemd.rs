// SPDX-License-Identifier: MIT OR Apache-2.0
//! The layer's units, by systemd's own tool: nothing runs, and nothing is asked of the systemd that may run here.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::case::Case;
use super::sources::{files, has_extension};
use super::{Lab, Phase, command};
use crate::deps::host::find_tool;

const UNITS: [&str; 2] = ["recipes-apps/mypoll-agent/files", "recipes-core"];

/// The service that the network reaches.
const EXPOSED: &str = "mypoll-agent.service";

/// How exposed it may be, in tenths of systemd's measure.
const EXPOSURE_MAX: &str = "--threshold=20";

pub(super) fn phases() -> Vec<Phase> {
    vec![Phase::new("agent: systemd units", units).quick()]
}

fn units(lab: &Lab<'_>) -> Result<Vec<Case>> {
    if find_tool("systemd-analyze").is_none() {
        let reason = "systemd-analyze is not installed (Debian, Ubuntu: package systemd)";
        return Ok(vec![Case::skipped("all units", reason)]);
    }
    let folder = tempfile::tempdir().context("can't create a temporary folder")?;
    let mut units = Vec::new();
    for folder in UNITS {
        units.extend(files(&lab.paths.repo.join(folder), |path| {
            has_extension(path, &["service"])
        })?);
    }
    let mut cases = Vec::new();
    for unit in units {
        let installed = install(&unit, folder.path())?;
        let name = installed.file_name().map(OsStr::to_string_lossy);
        let name = name.unwrap_or_default();
        // The man pages are where the programs are.
        cases.push(command::case(
            &format!("{name}: verify"),
            &mut analyze(&["verify", "--man=no"], &installed),
        )?);
        if name == EXPOSED {
            cases.push(command::case(
                &format!("{name}: security"),
                &mut analyze(&["security", "--offline=yes", EXPOSURE_MAX], &installed),
            )?);
        }
    }
    Ok(cases)
}

fn analyze(arguments: &[&str], unit: &Path) -> Command {
    let mut command = Command::new("systemd-analyze");
    command.arg("--no-pager").args(arguments).arg(unit);
    command
}

/// Puts a unit into `folder` as a recipe does into an image, with a program for it to start.
fn install(unit: &Path, folder: &Path) -> Result<PathBuf> {
    let text =
        fs::read_to_string(unit).with_context(|| format!("can't read {}", unit.display()))?;
    let here = folder.to_string_lossy();
    let text = text
        .replace("/usr/bin", &here)
        .replace("@LIBEXECDIR@", &here);
    for program in text
        .lines()
        .filter_map(|line| line.strip_prefix("ExecStart="))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|program| Path::new(program).starts_with(folder))
    {
        fs::write(program, "#!/bin/sh\n")?;
        fs::set_permissions(program, fs::Permissions::from_mode(0o755))?;
    }
    let installed = folder.join(unit.file_name().unwrap_or_default());
    fs::write(&installed, text)?;
    Ok(installed)
}
