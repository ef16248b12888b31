// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whom to let in, and what they may do.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Peer;

/// What a client may do. A later role may do all that an earlier one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Get events, levels and statistics.
    Read,
    /// Give orders, too.
    Control,
}

/// Why a client is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// It shows no token, and has to.
    #[error("a token is needed")]
    NoToken,
    /// It shows one that is not in the file.
    #[error("this token is not known here")]
    UnknownToken,
    /// All places are taken.
    #[error("{0} clients are connected, which is the limit (max-clients)")]
    Full(usize),
}

/// Says what a connection's client may do. A clone is of the same connection.
#[derive(Clone, Debug)]
pub struct Gate {
    pub(super) peer: Peer,
    pub(super) tls: bool,
    pub(super) role: Role,
    pub(super) limit: usize,
    pub(super) places: Arc<Semaphore>,
    pub(super) place: Arc<std::sync::OnceLock<OwnedSemaphorePermit>>,
}

impl Gate {
    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether the client has to show a token.
    pub fn needs_token(&self) -> bool {
        false
    }

    /// What the client may do with this token. Takes one of the `max-clients` places, and keeps it as long as the
    /// connection or a clone of this lives. Can be called again, with each request of a connection.
    ///
    /// # Errors
    ///
    /// The client is not let in: tell it why, and close.
    pub fn authorize(&self, _token: Option<&str>) -> Result<Role, Denied> {
        if self.place.get().is_none() {
            let place = self
                .places
                .clone()
                .try_acquire_owned()
                .map_err(|_| Denied::Full(self.limit))?;
            let _ = self.place.set(place);
        }
        Ok(self.role)
    }
}
