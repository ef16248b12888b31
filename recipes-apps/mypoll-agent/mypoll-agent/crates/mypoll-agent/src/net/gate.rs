// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whom to let in, and what they may do.

use std::{fmt, sync::Arc};

use thiserror::Error;

use super::{
    Peer,
    door::Ticket,
    notices::Notice,
    shared::Shared,
    token::{self, Tokens},
};

/// What a client may do. A later role may do all that an earlier one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Get events, levels and statistics.
    Read,
    /// Give orders, too.
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

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether the client has to show a token.
    pub fn needs_token(&self) -> bool {
        self.shared.endpoint.tokens.is_some()
    }

    /// What the client may do with this token. Takes one of the `max-clients` places, and keeps it as long as the
    /// connection or a clone of this lives. Can be called again, with each request of a connection.
    ///
    /// A connection that was not authorized yet ends by itself soon, and so does one whose token is no longer in the
    /// file after a reload.
    ///
    /// # Errors
    ///
    /// The client is not let in: tell it why, and close.
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

    /// Counts what went wrong with this connection, and says it now and then.
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
