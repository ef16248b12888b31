// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of `mypoll-agent`, which carries the events of a board's lines to the network and to GPIO outputs.
//!
//! A [`source`] gives events to the [`journal`], which numbers and keeps them. On the way a [`stage`] adds what follows from
//! them. Each [`sink`] reads the journal at its own place and pace. Orders go from sinks through [`command`] to whatever
//! carries them out. The [`supervisor`] starts, reloads and ends all of them.
#![deny(unsafe_code)]

#[cfg(any(feature = "mqtt", feature = "rule"))]
mod backoff;
pub mod clock;
pub mod command;
pub mod config;
pub mod context;
pub mod dns_sd;
pub mod event;
mod file;
pub mod filter;
pub mod gpio;
pub mod identity;
pub mod journal;
pub mod lines;
pub mod net;
pub mod notify;
mod percent;
pub mod publish;
pub mod pulses;
pub mod quote;
mod reason;
pub mod section;
pub mod sink;
pub mod source;
pub mod stage;
pub mod status;
pub mod supervisor;
