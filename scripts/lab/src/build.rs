// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything in the right order.

use std::path::PathBuf;

use anyhow::Result;

use crate::kernel::KernelVersion;
use crate::{Paths, Progress};

/// Which of the two kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// As a product has it.
    #[default]
    Normal,
    /// With KASAN, lockdep and the kernel's other checks: finds mistakes, several times slower.
    Debug,
}

/// What to build.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Default: the first version in `sources.toml` whose source can be had.
    pub kernel: Option<KernelVersion>,
    /// Default: the normal kernel.
    pub flavour: Flavour,
    /// Whether missing packages may be installed. Default: true.
    pub install: bool,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            kernel: None,
            flavour: Flavour::Normal,
            install: true,
        }
    }
}

/// What a build leaves; each file also lies, under the name in brackets, in `CACHE/out/VERSION[-debug]/`.
#[derive(Clone, Debug)]
pub struct System {
    /// The kernel (`Image`).
    pub image: PathBuf,
    /// The driver (`mypoll.ko`).
    pub module: PathBuf,
    /// The root file system, an initramfs (`rootfs.cpio.gz`).
    pub rootfs: PathBuf,
    /// The device-tree overlay that puts the driver's node on QEMU's `virt` board (`mypoll-qemu-virt.dtbo`).
    pub overlay: PathBuf,
    /// The kernel's version as in `sources.toml`, such as `6.18.15`.
    pub version: String,
    /// Which of the two kernels it is.
    pub flavour: Flavour,
}

/// Builds what is not there yet, and says what it does.
pub fn build(_paths: &Paths, _options: &BuildOptions, _progress: &Progress) -> Result<System> {
    anyhow::bail!("not there yet")
}
