// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands of `mypollctl`, apart from the program so that its man pages can be made of them.
#![deny(unsafe_code)]

mod cmd;
mod print;
mod remote;

pub use cmd::{Cli, run};
