// SPDX-License-Identifier: MIT OR Apache-2.0
//! The subcommands, one per file.

pub mod bench;
pub mod deb;
pub mod demo;
pub mod press;
pub mod run;
pub mod test;
