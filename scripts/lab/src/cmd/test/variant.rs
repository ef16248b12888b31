// SPDX-License-Identifier: MIT OR Apache-2.0
//! The systems under test.

use crate::Flavour;
use crate::deps::source::Catalog;

/// A system under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// The kernel of products.
    Normal,
    /// The newest kernel that the driver supports, as a debug kernel.
    Debug,
}

impl Variant {
    /// Number of variants.
    pub(super) const COUNT: usize = Variant::Debug as usize + 1;

    /// The default version of its kernel, without `--kernel`. None is the product kernel.
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
