// SPDX-License-Identifier: MIT OR Apache-2.0
//! External dependencies: packages, sources, toolchains and programs.

pub mod cargo;
pub(crate) mod cargo_install;
pub mod git;
pub mod host;
pub mod python;
pub mod source;
pub mod toolchain;
pub mod unpacked;
pub mod vendor_trees;
