// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a machine can't have though nothing of ours is at fault: tests that need it are skipped.

use anyhow::{Error, Result, anyhow};
use thiserror::Error;

use crate::store::step;

/// One sentence that says why.
#[derive(Clone, Debug, Error)]
#[error("{0}")]
pub struct Unavailable(String);

impl Unavailable {
    /// The sentence.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// What is not there for any reason.
    pub fn unless<T>(result: Result<T>) -> Result<T> {
        result.map_err(|error| Self(step::message(&error)).into())
    }
}

/// Says once more what has been said, for another caller.
pub(crate) fn again(error: &Error) -> Error {
    match error.downcast_ref::<Unavailable>() {
        Some(reason) => reason.clone().into(),
        None => anyhow!("{}", step::message(error)),
    }
}
