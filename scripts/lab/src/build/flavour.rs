// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernel flavours.

use std::fmt::{self, Display};

/// The flavour of a kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// The configuration of products.
    #[default]
    Normal,
    /// With KASAN, lockdep and the kernel's other checks: finds faults, but is several times slower.
    Debug,
}

impl Flavour {
    /// `name` with a suffix for the flavour.
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
