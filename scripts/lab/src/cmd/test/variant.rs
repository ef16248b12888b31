// SPDX-License-Identifier: MIT OR Apache-2.0
//! The systems that are tested.

use crate::Flavour;
use crate::build::kernel::KernelVersion;

/// Which system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// As a product has it.
    Normal,
    /// The same with the newer kernel.
    Newer,
    /// With the debug kernel.
    Debug,
}

impl Variant {
    /// How many there are.
    pub(super) const COUNT: usize = Variant::Debug as usize + 1;

    /// What its phases are called by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Variant::Normal => "normal",
            Variant::Newer => "newer",
            Variant::Debug => "debug",
        }
    }

    /// The version of its kernel, where that is not left to choice.
    pub(super) fn kernel(self) -> Option<KernelVersion> {
        (self == Variant::Newer).then(KernelVersion::newer)
    }

    pub(super) fn flavour(self) -> Flavour {
        match self {
            Variant::Normal | Variant::Newer => Flavour::Normal,
            Variant::Debug => Flavour::Debug,
        }
    }
}
