// SPDX-License-Identifier: MIT OR Apache-2.0
//! The peer of a connection.

use std::{fmt, net::SocketAddr};

/// The peer, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A process on this machine.
    Unix {
        /// The user ID, if known.
        user: Option<u32>,
        /// The process ID, if known.
        process: Option<i32>,
    },
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { user, process } => {
                match process {
                    Some(process) => write!(f, "process {process}")?,
                    None => f.write_str("a process")?,
                }
                match user {
                    Some(user) => write!(f, " of user {user}"),
                    None => Ok(()),
                }
            }
        }
    }
}
