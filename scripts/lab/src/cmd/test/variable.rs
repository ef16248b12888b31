// SPDX-License-Identifier: MIT OR Apache-2.0
//! Environment variables that say how a phase is run.

use std::env;

use anyhow::{Context, Result};

/// The number that an environment variable has.
pub(super) fn number(variable: &str) -> Result<Option<u64>> {
    match env::var(variable) {
        Ok(value) => Ok(Some(value.parse().with_context(|| {
            format!("{variable} has to be a number, {value:?} is not")
        })?)),
        Err(_) => Ok(None),
    }
}
