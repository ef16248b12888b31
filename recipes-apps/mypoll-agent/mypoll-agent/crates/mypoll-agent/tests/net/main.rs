// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the whole program does with sockets and tokens that it is given from outside.

#[path = "../common/mod.rs"]
mod common;
mod systemd;
mod tokens;
