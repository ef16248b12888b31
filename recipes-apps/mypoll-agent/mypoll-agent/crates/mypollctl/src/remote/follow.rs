// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an agent sends, over as many connections as it takes.

use std::{
    io::{self, Write as _},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use mypoll_protocol::{Hello, Message, Request, Resume};

use super::{Client, Target};

/// How long to wait before another try to connect.
const PAUSE: Duration = Duration::from_secs(1);

/// A client that connects again where `--reconnect` says so, and goes on where the connection broke.
pub struct Follow<'a> {
    target: &'a Target,
    /// Its `resume` is where the next connection goes on.
    request: Request,
    client: Client,
}

impl<'a> Follow<'a> {
    /// Connects, and sends `request`.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    pub fn start(target: &'a Target, mut request: Request) -> Result<Self> {
        let client = Client::connect(target, &request)?;
        greeted(&mut request.resume, client.hello());
        Ok(Self {
            target,
            request,
            client,
        })
    }

    /// The next line that comes before `deadline`; `None` after it.
    ///
    /// # Errors
    ///
    /// As [`Client::next`], where it does not connect again; else the agent refuses.
    pub fn next_until(&mut self, deadline: Option<Instant>) -> Result<Option<Message<'static>>> {
        loop {
            match self.client.next_until(deadline) {
                Ok(Some(message)) => {
                    came(&mut self.request.resume, &message);
                    return Ok(Some(message));
                }
                Ok(None) => return Ok(None),
                Err(error) if self.target.reconnect => {
                    if !self.reconnect(&error, deadline)? {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Connects once more, after a connection ended by `reason`; the result is whether that was done before `deadline`.
    fn reconnect(&mut self, reason: &anyhow::Error, deadline: Option<Instant>) -> Result<bool> {
        let _ = writeln!(io::stderr(), "mypollctl: {reason:#}; connecting again");
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
            thread::sleep(left.map_or(PAUSE, |left| left.min(PAUSE)));
            match Client::connect(self.target, &self.request) {
                Ok(client) => {
                    greeted(&mut self.request.resume, client.hello());
                    self.client = client;
                    return Ok(true);
                }
                Err(error) if error.root_cause().is::<io::Error>() => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Takes the place from a greeting. One of another session than the place's is left alone: what the agent has of the
/// earlier one may still follow, and a line says when the new one begins.
fn greeted(place: &mut Option<Resume>, hello: &Hello) {
    if place
        .as_ref()
        .is_none_or(|place| place.session == hello.session)
    {
        *place = Some(before(&hello.session, hello.next));
    }
}

/// Moves the place past a line.
fn came(place: &mut Option<Resume>, message: &Message<'_>) {
    if let Message::Session(new) = message {
        *place = Some(before(&new.session, new.next));
    }
    let Some(place) = place else { return };
    match message {
        Message::Event(event) => place.event = event.event,
        Message::Missed(gap) => place.event = place.event.saturating_add(gap.missed),
        Message::Heartbeat { heartbeat } => place.event = heartbeat.saturating_sub(1),
        _ => {}
    }
}

fn before(session: &str, next: u64) -> Resume {
    Resume {
        session: session.to_owned(),
        event: next.saturating_sub(1),
    }
}
