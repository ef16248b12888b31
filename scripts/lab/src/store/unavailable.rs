// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors for prerequisites that this machine can't provide: tests that need them are skipped.

use anyhow::{Error, Result, anyhow};
use thiserror::Error;

/// The reason why something is unavailable.
#[derive(Clone, Debug, Error)]
#[error("{0}")]
pub struct Unavailable(String);

impl Unavailable {
    /// Creates the error with this reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// Converts any error to this one.
    pub fn unless<T>(result: Result<T>) -> Result<T> {
        result.map_err(|error| Self(format!("{error:#}")).into())
    }
}

/// Copies an error, for another caller.
pub(crate) fn copy(error: &Error) -> Error {
    match error.downcast_ref::<Unavailable>() {
        Some(reason) => reason.clone().into(),
        None => anyhow!("{error:#}"),
    }
}
