// SPDX-License-Identifier: MIT OR Apache-2.0
//! State shared by the parts of the agent.

use crate::{
    command::Commands, journal::Journal, net::Sockets, publish::Publishers, status::Status,
};

/// State shared by sources, stages and sinks.
#[derive(Clone)]
pub struct Context {
    /// The events, the lines and the agent's identity.
    pub journal: Journal,
    /// Sends orders to outputs and the driver.
    pub commands: Commands,
    /// Sends messages of rules to MQTT brokers.
    pub publishers: Publishers,
    /// The state of all parts.
    pub status: Status,
    /// The listening sockets.
    pub sockets: Sockets,
}

impl Context {
    /// Wraps a journal; nothing is registered yet.
    pub fn new(journal: Journal) -> Self {
        Self {
            journal,
            commands: Commands::default(),
            publishers: Publishers::default(),
            status: Status::default(),
            sockets: Sockets::default(),
        }
    }
}
