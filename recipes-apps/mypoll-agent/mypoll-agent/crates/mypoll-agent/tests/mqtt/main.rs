// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sink `mqtt` with a real mosquitto.
#![cfg(feature = "mqtt")]

mod broker;
#[path = "../common/mod.rs"]
mod common;
mod delivery;
mod fleet;
mod full_disk;
mod login;
#[path = "../common/process.rs"]
mod process;
mod relay;
mod rules;
mod state;
mod subscriber;
