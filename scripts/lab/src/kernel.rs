// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel: source, configuration, image and modules.

/// A kernel version that `sources.toml` knows, such as `6.18.15`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KernelVersion(String);

impl std::fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for KernelVersion {
    type Err = String;

    fn from_str(version: &str) -> Result<Self, Self::Err> {
        Ok(Self(version.to_owned()))
    }
}
