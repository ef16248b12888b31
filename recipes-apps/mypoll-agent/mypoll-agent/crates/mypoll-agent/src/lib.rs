// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of `mypoll-agent`, which carries the events of `/dev/mypoll` to the network and to GPIO outputs.
//!
//! An event goes from a [`source`] to the [`fanout`], and from there to every TCP client, which the [`server`] accepts,
//! and every [`output`]. Nobody waits for anybody: who is too slow misses events and learns how many.
#![deny(unsafe_code)]

pub mod bind;
mod client;
pub mod config;
mod deadline;
pub mod fanout;
mod listener;
pub mod output;
pub mod server;
pub mod source;
