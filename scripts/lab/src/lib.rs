// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lab: builds the whole system (kernel, driver, agent, root file system) for QEMU's arm64 `virt` board, boots it,
//! and presses its buttons. `scripts/demo`, `test`, `run`, `press` and `bench` are thin wrappers around its binary; the
//! tests in `tests/` use this library.

// Building.
pub mod bench;
pub mod build;
pub mod busybox;
pub mod cache;
pub mod cargo;
mod cargo_install;
pub mod deb;
pub mod debian;
pub mod driver;
pub mod git;
pub mod host;
pub mod kernel;
pub mod key;
mod lock;
pub mod overlay;
pub mod paths;
pub mod python;
pub mod rootfs;
pub mod source;
pub mod step;
pub mod toolchain;
pub mod unavailable;
pub mod unpacked;
pub mod userspace;
pub mod vendor_trees;
pub mod yocto;

// Running.
pub mod agent;
pub mod buttons;
pub mod devicetree;
pub mod guest;
pub mod machine;
pub mod qmp;
pub mod qtest;
pub mod raspi;
pub mod signals;
pub mod splat;

pub mod cli;
pub mod verbs;

pub use build::{BuildOptions, Flavour, System, build};
pub use paths::Paths;
pub use step::Progress;
