// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two kernels.

use std::fmt::{self, Display};

/// Which of the two kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// As a product has it.
    #[default]
    Normal,
    /// With KASAN, lockdep and the kernel's other checks: finds mistakes, several times slower.
    Debug,
}

impl Flavour {
    /// What something is called that is made for each of them.
    pub(crate) fn of(self, name: &str) -> String {
        match self {
            Flavour::Normal => name.to_owned(),
            Flavour::Debug => format!("{name}-debug"),
        }
    }
}

impl Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Flavour::Normal => "normal",
            Flavour::Debug => "debug",
        })
    }
}
