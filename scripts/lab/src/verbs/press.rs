// SPDX-License-Identifier: MIT OR Apache-2.0
//! Run half.

use std::process::ExitCode;

use crate::Paths;
use crate::cli::PressArgs;

/// The verb.
pub fn press(_paths: &Paths, _args: &PressArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}
