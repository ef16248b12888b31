// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs cargo with target folders that several checkouts share.

use std::path::Path;
use std::process::Command;

/// `cargo` for the checkout at `repo`, with its outputs in `target`.
///
/// Sets a compiler wrapper whose path is in the checkout. Otherwise cargo takes the crates of another checkout for
/// these, and reuses their outputs. `scripts/lab/start.sh` sets the wrapper for the lab itself.
pub fn cargo(repo: &Path, target: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTC_WORKSPACE_WRAPPER", repo.join("scripts/lab/rustc"));
    cargo
}

/// Makes `cargo` run clippy with warnings as errors. Clippy replaces the wrapper by its own, but runs again if its
/// arguments change: one of them contains the path of the checkout at `repo`.
pub fn clippy<'a>(cargo: &'a mut Command, repo: &Path) -> &'a mut Command {
    cargo
        .args(["clippy", "--locked", "--quiet", "--workspace"])
        .args(["--all-targets", "--all-features"])
        .args(["--", "-D", "warnings", "--cfg"])
        .arg(format!("checkout={repo:?}"))
}
