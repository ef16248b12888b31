// SPDX-License-Identifier: MIT OR Apache-2.0
//! Common parts of the sinks that listen: addresses, TLS, tokens, and limits on what a client costs.
//!
//! A sink's section is defined by `section!`, which adds the keys of [`Endpoint`] to its own. [`Endpoint::prepare`]
//! listens, and [`Listeners::accept`] returns connections on which TLS, if configured, is already established. Before a
//! sink serves a client, it calls [`Gate::authorize`].
//!
//! A connection is a guest until it is authorized. Guests have a short time limit and their own maximum number, so that
//! connections that never authenticate cannot keep authorized clients out.

mod address;
mod bind;
mod connection;
mod dial;
mod door;
mod endpoint;
mod file;
mod gate;
mod listeners;
mod notices;
mod options;
mod peer;
mod raw;
mod rules;
mod shared;
mod sockets;
mod systemd;
#[cfg_attr(not(feature = "tls"), path = "net/no_tls.rs")]
mod tls;
pub mod token;
mod unix;

pub use address::Address;
pub use connection::{Connection, Stream};
pub use dial::{ClientTls, DialError, Dialer, Own, Transport};
pub use endpoint::{Endpoint, Tls};
pub use gate::{Denied, Gate, Role};
pub use listeners::Listeners;
pub use peer::Peer;
pub use sockets::{Refresh, Sockets};

pub(crate) use endpoint::{keys, section};
#[cfg(any(feature = "mqtt", feature = "rule"))]
pub(crate) use file::read_confidential;

#[cfg(test)]
mod tests;
