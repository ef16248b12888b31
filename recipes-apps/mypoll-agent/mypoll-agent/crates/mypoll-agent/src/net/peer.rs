// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is at the other end of a connection.

use std::{fmt, net::SocketAddr};

/// Who is at the other end, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A process of this machine.
    Unix {
        /// The user's number, where it can be told.
        user: Option<u32>,
        /// The process's number, where it can be told.
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
