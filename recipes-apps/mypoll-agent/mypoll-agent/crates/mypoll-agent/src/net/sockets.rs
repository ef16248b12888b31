// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sockets that the agent listens on, by their addresses: a sink that is started anew goes on with the same socket.

/// All of them. A clone is another handle.
#[derive(Clone, Debug, Default)]
pub struct Sockets;
