// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a reader is told besides events, as clients get it.

use mypoll_protocol::{Hello, Message, Missed, Session, VERSION};

use super::{Cursor, Era, Gap};

impl Cursor {
    /// Who speaks, and where its events begin.
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
    /// As clients get it.
    pub fn to_message(self) -> Message<'static> {
        Message::Missed(Missed {
            missed: self.missed,
            lost: self.lost,
        })
    }
}

impl Era {
    /// As clients get it; `next` is the number of its first event for them.
    pub fn to_message(&self, next: u64) -> Message<'static> {
        Message::Session(Session {
            session: self.session.to_string(),
            boot: self.boot.to_string(),
            next,
        })
    }
}
