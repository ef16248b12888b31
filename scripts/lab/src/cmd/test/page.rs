// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent's live page in Chromium, and its metrics by promtool.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::case::Case;
use super::{Lab, Phase, command, pytest};
use crate::deps::cargo;
use crate::deps::host::find_tool;
use crate::deps::host::packages::tool;
use crate::deps::unpacked::Unpacked;

const WORKSPACE: &str = "recipes-apps/mypoll-agent/mypoll-agent";

/// What tests/page/chromium.py starts, the first that is there.
const BROWSERS: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
];

pub(super) fn phase() -> Phase {
    Phase::new("agent: page", |lab| {
        browser(lab)?;
        run(lab)
    })
}

/// Sees to it that there is a browser.
pub(super) fn browser(lab: &Lab<'_>) -> Result<()> {
    if BROWSERS.iter().any(|browser| find_tool(browser).is_some()) {
        return Ok(());
    }
    lab.needs(&[tool(BROWSERS[0], BROWSERS[0])])
}

/// The agent, built for this machine.
pub(super) fn agent(lab: &Lab<'_>) -> Result<PathBuf> {
    let repo = &lab.paths.repo;
    let target = lab.paths.cache.join("target-agent");
    let mut build = cargo::cargo(repo, &target);
    build
        .args(["build", "--locked", "--package=mypoll-agent"])
        .current_dir(repo.join(WORKSPACE));
    let (success, said) = command::run(&mut build)?;
    ensure!(success, "cargo can't build the agent:\n{said}");
    Ok(target.join("debug/mypoll-agent"))
}

fn run(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let mut python = Command::new("python3");
    python.env("MYPOLL_AGENT", agent(lab)?);
    let promtool = match find_tool("promtool") {
        Some(path) => Ok(path),
        None => Unpacked::promtool()
            .ensure(lab.cache())
            .map(|folder| folder.join("usr/bin/promtool")),
    };
    match promtool {
        Ok(promtool) => python.env("MYPOLL_PROMTOOL", promtool),
        Err(error) => python.env("MYPOLL_NO_PROMTOOL", format!("{error:#}")),
    };
    pytest::run(lab, &mut python, "tests/page", "tests/page").context("tests/page")
}
