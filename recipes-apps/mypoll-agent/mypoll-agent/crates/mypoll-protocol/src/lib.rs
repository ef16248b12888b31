// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lines of JSON that `mypoll-agent` and its clients exchange, version 1 of the protocol.
//!
//! Each line is one JSON object. The agent sends [`Message`]s. A client may send a [`Request`] as its first line, and
//! [`Order`]s after it. Both sides ignore keys that they don't know, and clients ignore lines that they don't know, so
//! that later versions can add both.
#![forbid(unsafe_code)]

mod decimal;
mod message;
mod request;

pub use message::{Event, Hello, Level, Levels, Message, Missed, Session};
pub use request::{Action, Filter, Order, Output, Request, Resume};

/// The version of the protocol that this crate speaks.
pub const VERSION: u32 = 1;
