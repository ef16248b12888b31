// SPDX-License-Identifier: MIT OR Apache-2.0
//! Library of `mypoll-agent`, which carries the events of a board's lines to the network and to GPIO outputs.
//!
//! A [`source`] produces events for the [`journal`], which numbers and stores them. In between, a [`stage`] adds derived
//! events. Each [`sink`] reads the journal at its own position and pace. Orders go from sinks through [`command`] to
//! their executors. The [`supervisor`] starts, reloads and stops them all.
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
