// SPDX-License-Identifier: MIT OR Apache-2.0
//! The systems that are tested.

use crate::Flavour;
use crate::deps::source::Catalog;

/// Which system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// As a product has it.
    Normal,
    /// The newest kernel that the driver is for, as a debug kernel.
    Debug,
}

impl Variant {
    /// How many there are.
    pub(super) const COUNT: usize = Variant::Debug as usize + 1;

    /// What its phases are called by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Variant::Normal => "normal",
            Variant::Debug => "debug",
        }
    }

    /// The version of its kernel, unless `--kernel` names one. None is the one that products have.
    pub(super) fn kernel(self) -> Option<String> {
        match self {
            Variant::Normal => None,
            Variant::Debug => Some(Catalog::built_in().newer_kernel.version),
        }
    }

    pub(super) fn flavour(self) -> Flavour {
        match self {
            Variant::Normal => Flavour::Normal,
            Variant::Debug => Flavour::Debug,
        }
    }
}
