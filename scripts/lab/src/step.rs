// SPDX-License-Identifier: MIT OR Apache-2.0
//! Says what is being done and for how long.

/// Where steps are shown: standard error.
pub struct Progress {}

impl Progress {
    /// A bar on a terminal, plain lines elsewhere.
    #[expect(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {}
    }

    /// Prints a line without disturbing what is being shown.
    pub fn say(&self, line: &str) {
        eprintln!("{line}");
    }
}
