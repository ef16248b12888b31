// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests the driver's ring with loom, which tries all orders that the memory model allows, and with Miri, which detects
//! undefined behaviour.

use std::process::Command;

use anyhow::{Result, ensure};

use super::{Lab, Phase, command, nextest};
use crate::deps::host::{output, succeeds};
use crate::store::unavailable::Unavailable;

const FOLDER: &str = "recipes-kernel/mypoll/host-tests";

/// Miri is only part of nightly Rust.
const NIGHTLY: &str = "nightly";

pub(super) fn phases() -> Vec<Phase> {
    vec![
        Phase::new("driver: loom", |lab| {
            let mut cargo = lab.cargo(FOLDER, "target-loom");
            cargo.env("RUSTFLAGS", "--cfg loom");
            // Tests take minutes in a debug build.
            let words = ["nextest", "run", "--release"];
            nextest::run(lab, cargo, &words)
        }),
        Phase::new("driver: Miri", |lab| {
            provide_miri(lab)?;
            // Miri runs in the folder where the crate was built, which may be a deleted checkout: Miri does not support
            // the wrapper that distinguishes checkouts (crate::deps::cargo).
            let mut clean = lab.cargo(FOLDER, "target-miri/miri");
            clean
                .args(["clean", "--package", "mypoll-host-tests"])
                .args(["--target", "host-tuple"])
                .env("RUSTUP_TOOLCHAIN", NIGHTLY);
            output(&mut clean)?;
            let mut cargo = lab.cargo(FOLDER, "target-miri");
            cargo
                .env("RUSTUP_TOOLCHAIN", NIGHTLY)
                .env_remove("RUSTC_WORKSPACE_WRAPPER")
                // proptest reads the current folder.
                .env("MIRIFLAGS", "-Zmiri-disable-isolation");
            // By default nextest uses a separate profile for Miri, with another report path.
            let words = ["miri", "nextest", "run", "--profile", "default", "ring"];
            nextest::run(lab, cargo, &words)
        }),
    ]
}

/// Installs Miri if it is missing.
///
/// # Errors
/// [`Unavailable`] if it can't be installed.
fn provide_miri(lab: &Lab<'_>) -> Result<()> {
    let mut miri = Command::new("cargo");
    miri.args(["miri", "--version"])
        .env("RUSTUP_TOOLCHAIN", NIGHTLY);
    if succeeds(&mut miri) {
        return Ok(());
    }
    ensure!(
        lab.progress.may_install() && command::is_installed("rustup"),
        Unavailable::because("Miri is not installed; rustup installs it with nightly Rust")
    );
    let mut install = Command::new("rustup");
    install
        .args(["toolchain", "install", NIGHTLY, "--profile", "minimal"])
        .args(["--component", "miri,rust-src"]);
    Unavailable::unless(output(&mut install).map(drop))
}
