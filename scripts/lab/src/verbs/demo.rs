// SPDX-License-Identifier: MIT OR Apache-2.0
//! Run half.

use std::process::ExitCode;

use crate::Paths;
use crate::cli::DemoArgs;

/// The verb.
pub fn demo(_paths: &Paths, _args: &DemoArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}
