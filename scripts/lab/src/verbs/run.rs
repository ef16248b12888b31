// SPDX-License-Identifier: MIT OR Apache-2.0
//! Run half.

use std::process::ExitCode;

use crate::Paths;
use crate::cli::RunArgs;

/// The verb.
pub fn run(_paths: &Paths, _args: &RunArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}
