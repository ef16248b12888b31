// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages to readers besides events, in the clients' format.

use mypoll_protocol::{Hello, Message, Missed, Session, VERSION};

use super::{Cursor, Era, Gap};

impl Cursor {
    /// The agent's identity, and where its events start.
    pub fn hello(&self) -> Message<'static> {
        let era = self.journal.era();
        Message::Hello {
            hello: Hello {
                protocol: VERSION,
                agent: env!("CARGO_PKG_VERSION").to_owned(),
                machine: self.journal.identity().machine.clone(),
                boot: era.boot.to_string(),
                session: era.session.to_string(),
                next: self.position(),
            },
        }
    }
}

impl Gap {
    /// In the clients' format.
    pub fn to_message(self) -> Message<'static> {
        Message::Missed(Missed {
            missed: self.missed,
            lost: self.lost,
        })
    }
}

impl Era {
    /// In the clients' format; `next` is the number of the client's next event.
    pub fn to_message(&self, next: u64) -> Message<'static> {
        Message::Session(Session {
            session: self.session.to_string(),
            boot: self.boot.to_string(),
            next,
        })
    }
}
