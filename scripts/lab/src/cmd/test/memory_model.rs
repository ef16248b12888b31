// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's ring under loom, which tries every order that the memory model allows, and under Miri, which notices
//! undefined behaviour.

use std::process::Command;

use anyhow::{Result, ensure};

use super::{Lab, Phase, command, nextest};
use crate::deps::host::{output, succeeds};
use crate::store::unavailable::Unavailable;

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
            provide_miri(lab)?;
            // Miri goes to the folder that the crate was built in, which may be another checkout's and gone: the wrapper that tells
            // checkouts apart (crate::deps::cargo) is nothing that Miri takes.
            let mut clean = cargo(lab, "miri/miri");
            clean
                .args(["clean", "--package", "mypoll-host-tests"])
                .args(["--target", "host-tuple"])
                .env("RUSTUP_TOOLCHAIN", NIGHTLY);
            output(&mut clean)?;
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

/// Installs Miri, if it is not there.
///
/// # Errors
/// [`Unavailable`] when it can't be installed.
fn provide_miri(lab: &Lab<'_>) -> Result<()> {
    let mut miri = Command::new("cargo");
    miri.args(["miri", "--version"])
        .env("RUSTUP_TOOLCHAIN", NIGHTLY);
    if succeeds(&mut miri) {
        return Ok(());
    }
    ensure!(
        lab.progress.may_install() && command::is_there("rustup"),
        Unavailable::because("it is not installed, and comes with nightly Rust by rustup")
    );
    let mut install = Command::new("rustup");
    install
        .args(["toolchain", "install", NIGHTLY, "--profile", "minimal"])
        .args(["--component", "miri,rust-src"]);
    Unavailable::unless(output(&mut install).map(drop))
}
