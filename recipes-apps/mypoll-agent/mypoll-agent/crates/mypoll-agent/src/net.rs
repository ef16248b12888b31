// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the sinks that listen have in common: addresses, TLS, tokens, and bounds on what a client costs.
//!
//! A sink's section is made by [`section!`], which adds the keys of [`Endpoint`] to its own. `Endpoint::prepare` listens,
//! and [`Listeners::accept`] gives connections on which TLS, where it is configured, is already established. Before a sink
//! serves a client it calls [`Gate::authorize`].

mod address;
mod connection;
mod endpoint;
mod gate;
mod listeners;
mod sockets;

pub use address::Address;
pub use connection::{Connection, Peer, Stream};
pub use endpoint::{Endpoint, Tls};
pub use gate::{Denied, Gate, Role};
pub use listeners::Listeners;
pub use sockets::Sockets;

pub(crate) use endpoint::{keys, section};

#[cfg(test)]
mod tests;
