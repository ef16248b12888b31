// SPDX-License-Identifier: MIT OR Apache-2.0
//! Access control: who may connect, and with which role.

use std::{fmt, sync::Arc};

use thiserror::Error;

use super::{
    Peer,
    door::Ticket,
    notices::Notice,
    shared::Shared,
    token::{self, Tokens},
};

/// The role of a client. Each role includes the previous one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Get events, levels and statistics.
    Read,
    /// Send orders, too.
    Control,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Control => "control",
        })
    }
}

/// Why a client is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// The token is missing.
    #[error("a token is needed")]
    NoToken,
    /// The token is not in the file.
    #[error("unknown token")]
    UnknownToken,
    /// All places are taken.
    #[error("{0} clients are connected, which is the limit (max-clients)")]
    Full(usize),
}

/// Decides what a connection's client may do. Clones belong to the same connection.
#[derive(Clone, Debug)]
pub struct Gate {
    shared: Arc<Shared>,
    ticket: Arc<Ticket>,
    peer: Peer,
}

impl Gate {
    pub(super) fn new(shared: Arc<Shared>, ticket: Arc<Ticket>, peer: Peer) -> Self {
        Self {
            shared,
            ticket,
            peer,
        }
    }

    /// The peer.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether the client needs a token.
    pub fn needs_token(&self) -> bool {
        self.shared.endpoint.tokens.is_some()
    }

    /// The client's role for this token. Takes one of the `max-clients` places until the connection and all clones of
    /// this are dropped. May be called again, for each request of a connection.
    ///
    /// Unauthorized connections are closed after a while, and so are those whose token is missing in the file after a
    /// reload.
    ///
    /// # Errors
    ///
    /// The client is rejected: send it the reason, and close.
    pub fn authorize(&self, token: Option<&str>) -> Result<Role, Denied> {
        let outcome = self.decide(token);
        if let Err(denied) = outcome {
            let notice = match denied {
                Denied::Full(_) => Notice::Full,
                Denied::NoToken | Denied::UnknownToken => Notice::Denied,
            };
            self.say(notice, &denied);
        }
        outcome
    }

    pub(super) fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Counts a problem of this connection, and logs it with a rate limit.
    pub(super) fn say(&self, notice: Notice, what: &dyn fmt::Display) {
        self.shared.say(notice, &self.peer, what);
    }

    fn decide(&self, token: Option<&str>) -> Result<Role, Denied> {
        let (hash, role) = match self.shared.tokens() {
            Some(tokens) => {
                let (hash, role) = Self::known(&tokens, token)?;
                (Some(hash), role)
            }
            None => (None, self.role_without_token()),
        };
        self.ticket
            .admit(hash.map(|hash| (hash, role)))
            .map_err(|()| Denied::Full(self.shared.endpoint.max_clients))?;
        Ok(role)
    }

    fn known(tokens: &Tokens, token: Option<&str>) -> Result<(token::Hash, Role), Denied> {
        let hash = token::hash(token.ok_or(Denied::NoToken)?);
        let role = tokens.role_of(&hash).ok_or(Denied::UnknownToken)?;
        Ok((hash, role))
    }

    fn role_without_token(&self) -> Role {
        let is_unix = matches!(self.peer, Peer::Unix { .. });
        if self.shared.endpoint.control.unwrap_or(is_unix) {
            Role::Control
        } else {
            Role::Read
        }
    }
}
