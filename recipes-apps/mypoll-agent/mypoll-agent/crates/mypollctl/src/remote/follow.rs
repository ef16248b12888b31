// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages of an agent, across reconnects.

use std::{
    io::{self, Write as _},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use clap::Args;
use mypoll_protocol::{Hello, Message, Request, Resume};

use super::{Client, Target};

/// Pause before the next attempt to connect.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether to reconnect.
#[derive(Args)]
#[command(next_help_heading = "Agent")]
pub struct Reconnect {
    /// Reconnect when the connection breaks, and continue after the last event (--connect)
    #[arg(long)]
    reconnect: bool,
    /// With --reconnect: maximum silence of the agent; longer than its `heartbeat`; "0s" disables the limit
    #[arg(long, value_name = "TIME", default_value = "90s", requires = "reconnect",
          value_parser = humantime::parse_duration)]
    silence: Duration,
}

impl Reconnect {
    /// Whether `--reconnect` is given.
    pub fn is_on(&self) -> bool {
        self.reconnect
    }
}

/// A client that, with `--reconnect`, reconnects and continues where the connection broke.
pub struct Follow<'a> {
    target: &'a Target,
    options: &'a Reconnect,
    /// The next connection continues at its `resume`.
    request: Request,
    client: Client,
}

impl<'a> Follow<'a> {
    /// Connects, and sends `request`.
    ///
    /// # Errors
    ///
    /// Same as [`Client::connect`].
    pub fn start(target: &'a Target, options: &'a Reconnect, mut request: Request) -> Result<Self> {
        let client = Client::connect(target, &request)?;
        greeted(&mut request.resume, client.hello());
        Ok(Self {
            target,
            options,
            request,
            client,
        })
    }

    /// The next line that arrives before `deadline`; `None` after it.
    ///
    /// # Errors
    ///
    /// Same as [`Client::next_until`], if it does not reconnect; otherwise only if the agent refuses.
    pub fn next_until(&mut self, deadline: Option<Instant>) -> Result<Option<Message<'static>>> {
        loop {
            let until = deadline.into_iter().chain(self.silent()).min();
            let reason = match self.client.next_until(until) {
                Ok(Some(message)) => {
                    came(&mut self.request.resume, &message);
                    return Ok(Some(message));
                }
                Ok(None) if until == deadline => return Ok(None),
                Ok(None) => anyhow!("no data for {:?}", self.options.silence),
                Err(error) if self.options.reconnect => error,
                Err(error) => return Err(error),
            };
            if !self.reconnect(&reason, deadline)? {
                return Ok(None);
            }
        }
    }

    /// The deadline for the agent's next line. Without `--reconnect` there is none: the agent may have no heartbeats.
    fn silent(&self) -> Option<Instant> {
        let silence = self.options.silence;
        (self.options.reconnect && !silence.is_zero())
            .then(|| Instant::now().checked_add(silence))
            .flatten()
    }

    /// Reconnects after a connection ended by `reason`; returns whether it succeeded before `deadline`.
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

/// Takes the position from a greeting. If the greeting has another session, keeps the position: events of the earlier
/// session may still follow, and a `session` line announces the new one.
fn greeted(place: &mut Option<Resume>, hello: &Hello) {
    if place
        .as_ref()
        .is_none_or(|place| place.session == hello.session)
    {
        *place = Some(before(&hello.session, hello.next));
    }
}

/// Advances the position past a line.
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
