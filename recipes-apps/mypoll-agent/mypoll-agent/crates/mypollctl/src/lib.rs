// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands of `mypollctl`, as a library so that its man pages can be generated from them.
#![deny(unsafe_code)]

mod cmd;
mod print;
mod remote;

pub use cmd::{Cli, run};
