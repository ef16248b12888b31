// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sink `stream` of the program itself.

#[path = "../common/mod.rs"]
mod common;
mod counters;
mod damage;
mod faults;
mod gestures;
mod idle;
mod limits;
mod protocol;
mod reload;
mod restart;
