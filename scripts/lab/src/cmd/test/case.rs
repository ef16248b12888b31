// SPDX-License-Identifier: MIT OR Apache-2.0
//! A test and its outcome.

/// Outcome of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    /// With details.
    Failed(String),
    /// With the reason.
    Skipped(String),
}

/// A test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

impl Case {
    pub(super) fn passed(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            outcome: Outcome::Passed,
        }
    }

    pub(super) fn failed(name: impl Into<String>, details: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            outcome: Outcome::Failed(details.into()),
        }
    }

    pub(super) fn skipped(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            outcome: Outcome::Skipped(reason.into()),
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}
