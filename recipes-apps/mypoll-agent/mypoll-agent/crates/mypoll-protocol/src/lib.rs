// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lines of JSON that `mypoll-agent` and its clients exchange, version 1 of the protocol.
//!
//! Each line is one JSON object. The agent sends [`Message`]s. A client may send a [`Request`] as its first line, and
//! [`Order`]s after it. Clients ignore unknown keys and lines, so that later versions can add both. The agent ignores
//! unknown keys of a request, but refuses them inside `filter` and `order`.
#![forbid(unsafe_code)]

mod decimal;
mod message;
mod request;

pub use message::{Event, Hello, Level, Levels, Message, Missed, Session};
pub use request::{Action, Filter, Order, Output, Request, Resume};

/// The version of the protocol that this crate speaks.
pub const VERSION: u32 = 1;
