// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's ring under loom, which tries every order that the memory model allows, and under Miri, which notices
//! undefined behaviour.

use std::process::Command;

use anyhow::{Result, ensure};

use super::case::Case;
use super::{Lab, Phase, command, nextest};
use crate::deps::host::succeeds;

const FOLDER: &str = "recipes-kernel/mypoll/host-tests";

/// Miri is part of nightly Rust alone.
const NIGHTLY: &str = "nightly";

pub(super) fn phases() -> Vec<Phase> {
    vec![
        Phase::new("driver: loom", |lab| {
            let mut cargo = cargo(lab, "loom");
            cargo.env("RUSTFLAGS", "--cfg loom");
            // Debug builds take minutes.
            let words = ["nextest", "run", "--release"];
            nextest::run(lab, cargo, &words)
        }),
        Phase::new("driver: Miri", |lab| {
            if let Some(reason) = miri_is_missing(lab)? {
                return Ok(vec![Case::skipped("all of it", reason)]);
            }
            forget_other_checkouts(lab)?;
            let mut cargo = cargo(lab, "miri");
            cargo
                .env("RUSTUP_TOOLCHAIN", NIGHTLY)
                .env_remove("RUSTC_WORKSPACE_WRAPPER")
                // proptest looks for the current folder.
                .env("MIRIFLAGS", "-Zmiri-disable-isolation");
            // nextest has a profile of its own for Miri, whose report is elsewhere.
            let words = ["miri", "nextest", "run", "--profile", "default", "ring"];
            nextest::run(lab, cargo, &words)
        }),
    ]
}

fn cargo(lab: &Lab<'_>, tool: &str) -> Command {
    let target = lab.paths.cache.join(format!("target-{tool}"));
    let mut command = crate::deps::cargo::cargo(&lab.paths.repo, &target);
    command.current_dir(lab.paths.repo.join(FOLDER));
    command
}

/// Miri goes to the folder that the crate was built in, which may be another checkout's and gone. The wrapper that tells
/// checkouts apart ([`crate::deps::cargo`]) is nothing that Miri takes.
fn forget_other_checkouts(lab: &Lab<'_>) -> Result<()> {
    let mut clean = cargo(lab, "miri/miri");
    clean
        .args(["clean", "--package", "mypoll-host-tests"])
        .args(["--target", "host-tuple"])
        .env("RUSTUP_TOOLCHAIN", NIGHTLY);
    let (success, said) = command::run(&mut clean)?;
    ensure!(success, "cargo clean: {}", said.trim());
    Ok(())
}

/// Why there is no Miri, if it can't be installed either.
fn miri_is_missing(lab: &Lab<'_>) -> Result<Option<String>> {
    let mut miri = Command::new("cargo");
    miri.args(["miri", "--version"])
        .env("RUSTUP_TOOLCHAIN", NIGHTLY);
    if succeeds(&mut miri) {
        return Ok(None);
    }
    if !lab.progress.may_install() || !command::is_there("rustup") {
        return Ok(Some(
            "it is not installed, and comes with nightly Rust by rustup".into(),
        ));
    }
    let mut install = Command::new("rustup");
    install.args(["toolchain", "install", NIGHTLY, "--profile", "minimal"]);
    let (success, said) = command::run(install.args(["--component", "miri,rust-src"]))?;
    Ok((!success).then(|| format!("rustup can't install it: {}", said.trim())))
}
