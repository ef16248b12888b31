// SPDX-License-Identifier: MIT OR Apache-2.0
//! cargo, where checkouts share its build outputs.

use std::path::Path;
use std::process::Command;

/// `cargo` for the checkout at `repo`, with its outputs in `target`.
///
/// It takes the crates of another checkout for these unless the wrapper's path tells them apart, and then gives back what it
/// built there. `scripts/lab/start.sh` sets the wrapper for the lab itself.
pub fn cargo(repo: &Path, target: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTC_WORKSPACE_WRAPPER", repo.join("scripts/lab/rustc"));
    cargo
}

/// `cargo clippy` in the same way, for which a warning is an error. It has a wrapper of its own, but looks again when its
/// arguments change.
pub fn clippy(repo: &Path, target: &Path) -> Command {
    let mut clippy = cargo(repo, target);
    clippy
        .args(["clippy", "--locked", "--quiet", "--workspace"])
        .args(["--all-targets", "--all-features"])
        .args(["--", "-D", "warnings", "--cfg"])
        .arg(format!("checkout={repo:?}"));
    clippy
}
