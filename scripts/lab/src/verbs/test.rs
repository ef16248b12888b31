// SPDX-License-Identifier: MIT OR Apache-2.0
//! Run half.

use std::process::ExitCode;

use crate::Paths;
use crate::cli::TestArgs;

/// The verb.
pub fn test(_paths: &Paths, _args: &TestArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}
