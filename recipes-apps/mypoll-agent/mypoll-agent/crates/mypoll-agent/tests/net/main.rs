// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sockets and tokens that the program gets from outside.

#[path = "../common/mod.rs"]
mod common;
mod systemd;
mod tokens;
