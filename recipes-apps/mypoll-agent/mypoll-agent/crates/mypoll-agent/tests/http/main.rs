// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sink `http`, as clients see it.
#![cfg(feature = "http")]

mod agent;
mod client;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod requests;
mod resume;
mod security;
