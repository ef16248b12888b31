// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client's session, over any kind of connection.

mod orders;
mod request;
#[cfg(test)]
mod tests;

use std::{io, pin::pin, time::Duration};

use bytes::Bytes;
use mypoll_protocol::Message;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split},
    task,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    input::{Input, LONGEST, Lines},
    outgoing::Outgoing,
    timer::Timer,
};
use crate::{
    journal::{Cursor, Delivery, Start},
    net::{Denied, Role},
};
use orders::{Outcome, outcome_of};
use request::Selection;

/// Handles a first line as a session does.
#[cfg(fuzzing)]
pub(super) fn take_first(line: &[u8]) -> Result<(), String> {
    match request::First::parse(line)? {
        request::First::Request(request) => Selection::new(*request).map(drop),
        request::First::Order(_) => Ok(()),
    }
}

/// How long events wait for the first byte of a request.
const FIRST_BYTE: Duration = Duration::from_millis(200);

/// Time limit for the request line.
const REQUEST: Duration = Duration::from_secs(10);

/// How long a rejected client has to read the error.
const LINGER: Duration = Duration::from_secs(1);

/// How much such a client may still send, in bytes.
const LINGER_BYTES: u64 = 1 << 20;

/// How long a client with a closed sending side may be idle before it is probed.
const PROBE: Duration = Duration::from_secs(1);

/// Number of probes: a closed peer answers the first with a reset, and sending the second fails.
const PROBES: u8 = 2;

/// Size of unsent replies, in bytes, above which no further orders are read.
const REPLIES: usize = 16 * 1024;

/// Size of a batch, in bytes, above which more are likely to follow.
const MUCH: usize = 32 * 1024;

/// Why a session ended.
#[derive(Debug, Error)]
pub(super) enum Left {
    #[error("the connection failed: {0}")]
    Failed(#[from] io::Error),
    #[error("rejected: {0}")]
    Refused(String),
    #[error("the stream was stopped")]
    Stopped,
}

impl Left {
    /// The reason for a failed read: TLS on a plain listener, or the reverse, gets its own message.
    fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => Self::Refused(error.to_string()),
            _ => Self::Failed(error),
        }
    }
}

/// Access control for a client.
pub(super) struct Access<'a> {
    /// Whether its first line needs a token.
    pub(super) needs_token: bool,
    /// The role for this token, or for none.
    pub(super) authorize: &'a (dyn Fn(Option<&str>) -> Result<Role, Denied> + Send + Sync),
}

struct Session<'a, S> {
    shared: &'a Shared,
    access: Access<'a>,
    lines: Lines<ReadHalf<S>>,
    writer: WriteHalf<S>,
    outgoing: Outgoing,
    cursor: Cursor,
    /// The client's role; `None` until it is authorized.
    role: Option<Role>,
    selection: Selection,
    /// Whether the first line has arrived.
    requested: bool,
    /// Whether events no longer wait for a request.
    streaming: bool,
    /// Deadline for the request line, once it has started or if it is required.
    request_due: Option<Instant>,
    /// The order in progress.
    order: Option<Outcome>,
    last_sent: Instant,
    /// Remaining probes of a client with a closed sending side.
    probes: u8,
}

/// Serves a client: sends what it requested until the journal ends; then the client must close the connection.
///
/// Without a request, events start at `cursor`.
///
/// # Errors
///
/// Why the session ended early.
pub(super) async fn serve<S>(
    stream: S,
    cursor: Cursor,
    shared: &Shared,
    access: Access<'_>,
    stop: &CancellationToken,
) -> Result<(), Left>
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, writer) = split(stream);
    let now = Instant::now();
    let mut session = Session {
        shared,
        lines: Lines::new(reader),
        writer,
        outgoing: Outgoing::default(),
        cursor,
        request_due: access.needs_token.then(|| now + REQUEST),
        access,
        role: None,
        selection: Selection::default(),
        requested: false,
        streaming: false,
        order: None,
        last_sent: now,
        probes: 0,
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(Left::Stopped),
        outcome = session.run() => {
            if let Err(Left::Refused(error)) = &outcome {
                let _ = time::timeout(LINGER, session.refuse(error.clone())).await;
            }
            outcome
        }
    }
}

impl<S: AsyncRead + AsyncWrite> Session<'_, S> {
    async fn run(&mut self) -> Result<(), Left> {
        if !self.access.needs_token {
            self.let_in(None)?;
        }
        let mut timer = Timer::default();
        let journal = self.shared.journal.clone();
        let mut ended = pin!(journal.ended());
        loop {
            let deadline = self.deadline();
            tokio::select! {
                biased;
                sent = self.outgoing.send(&mut self.writer), if !self.outgoing.is_empty() => {
                    sent?;
                    self.last_sent = Instant::now();
                    self.probes = self.probes.saturating_sub(1);
                }
                delivery = self.cursor.next(), if self.streaming && self.outgoing.is_empty() => match delivery {
                    Some(delivery) => self.deliver(delivery).await,
                    None => break,
                },
                () = &mut ended, if !self.streaming => {
                    if self.role.is_none() {
                        break;
                    }
                    // No request will arrive; deliver the events since the connection.
                    self.streaming = true;
                }
                input = self.lines.next(), if self.listens() => self.hear(input.map_err(Left::of)?)?,
                (action, outcome) = outcome_of(&mut self.order) => {
                    self.order = None;
                    self.answer(action, outcome);
                }
                () = timer.reached(deadline) => self.time_is_up()?,
            }
        }
        self.end().await?;
        Ok(())
    }

    /// Whether more lines are read. A client that does not read replies to its orders has to wait.
    fn listens(&self) -> bool {
        self.order.is_none() && !self.lines.is_done() && self.outgoing.size() < REPLIES
    }

    /// When there is work without an event.
    fn deadline(&self) -> Option<Instant> {
        if !self.requested && self.request_due.is_some() {
            return self.request_due;
        }
        if !self.streaming {
            return Some(self.last_sent + FIRST_BYTE);
        }
        if !self.outgoing.is_empty() {
            return None;
        }
        let quiet = match self.probes {
            0 => self.shared.heartbeat,
            _ => Some(PROBE),
        };
        quiet.map(|quiet| self.last_sent + quiet)
    }

    fn time_is_up(&mut self) -> Result<(), Left> {
        if !self.requested && self.request_due.is_some() {
            let what = if self.role.is_none() {
                "a line with a token"
            } else {
                "the end of the first line"
            };
            return Err(Left::Refused(format!(
                "{what} must arrive within {REQUEST:?}"
            )));
        }
        if !self.streaming {
            self.streaming = true;
            return Ok(());
        }
        let heartbeat = self.cursor.position();
        self.say(&Message::Heartbeat { heartbeat });
        Ok(())
    }

    /// Handles input from a client.
    fn hear(&mut self, input: Input) -> Result<(), Left> {
        match input {
            Input::Line(line) if self.requested => self.order(&line),
            Input::Line(line) => return self.begin(&line),
            Input::TooLong => {
                return Err(Left::Refused(format!(
                    "a line is longer than {LONGEST} bytes"
                )));
            }
            Input::Part if !self.requested => {
                // Other protocols may not have lines: report them at once.
                let begun = self.lines.begun();
                if !begun.is_empty() && begun[0] != b'{' {
                    return Err(Left::Refused(request::not_json(begun)));
                }
                self.request_due
                    .get_or_insert_with(|| Instant::now() + REQUEST);
            }
            Input::Part => {}
            Input::End => {
                if self.role.is_none() {
                    self.let_in(None)?;
                }
                self.requested = true;
                self.streaming = true;
                self.probes = PROBES;
            }
        }
        Ok(())
    }

    /// Handles the first line: a request, or an order if none is needed.
    fn begin(&mut self, line: &[u8]) -> Result<(), Left> {
        let first = request::First::parse(line).map_err(Left::Refused)?;
        if self.role.is_none() {
            self.let_in(first.token())?;
        }
        self.requested = true;
        self.streaming = true;
        match first {
            request::First::Order(order) => self.give(order.order),
            request::First::Request(request) => {
                let (levels, status) = (request.levels, request.status);
                let selection = Selection::new(*request).map_err(Left::Refused)?;
                self.select(selection, levels);
                if status {
                    let status = self.shared.status.to_json();
                    self.say(&Message::Status { status });
                }
            }
        }
        Ok(())
    }

    fn let_in(&mut self, token: Option<&str>) -> Result<(), Left> {
        let role =
            (self.access.authorize)(token).map_err(|denied| Left::Refused(denied.to_string()))?;
        self.role = Some(role);
        Ok(())
    }

    fn select(&mut self, selection: Selection, levels: bool) {
        let journal = &self.shared.journal;
        let mut lines = None;
        if levels {
            // Events continue right after the snapshot.
            loop {
                let snapshot = journal.snapshot();
                let cursor = journal.cursor(Start::Now);
                if cursor.position() == snapshot.after + 1 {
                    self.cursor = cursor;
                    lines = Some(snapshot.to_protocol());
                    break;
                }
            }
        }
        if let Some((session, event)) = selection.resume {
            self.cursor = journal.cursor(Start::After(session, event));
        }
        self.say(&self.cursor.hello());
        if let Some(levels) = lines {
            self.say(&Message::Levels(levels));
        }
        self.selection = selection;
    }

    async fn deliver(&mut self, delivery: Delivery) {
        let counters = &self.shared.counters;
        if !self.selection.events {
            return;
        }
        match delivery {
            Delivery::Gap(gap) => {
                counters.missed.add(gap.missed);
                self.say(&gap.to_message());
            }
            Delivery::Era(era) => self.say(&era.to_message(self.cursor.position())),
            Delivery::Events(batch) => {
                let mut events = batch.next() - batch.first();
                if self.selection.filter.takes_all() {
                    batch.text().for_each(|lines| self.outgoing.push(lines));
                } else {
                    events = 0;
                    let mut text = Vec::new();
                    for (event, line) in batch.lines() {
                        if self.selection.filter.takes(event) {
                            text.extend_from_slice(&line);
                            events += 1;
                        }
                    }
                    self.outgoing.push(text.into());
                }
                counters.events.add(events);
                counters.bytes.add(self.outgoing.size() as u64);
                if self.outgoing.size() > MUCH {
                    // Yield: this client may have a lot to catch up with.
                    task::yield_now().await;
                }
            }
        }
    }

    fn say(&mut self, message: &Message<'_>) {
        // Neither writing to memory nor the type can fail.
        let mut line = serde_json::to_vec(message).unwrap_or_default();
        line.push(b'\n');
        self.outgoing.push(Bytes::from(line));
    }

    /// Sends the rest, and waits for the client to close: unread data from it would reset the connection.
    async fn end(&mut self) -> io::Result<()> {
        if let Some(order) = self.order.take() {
            let (action, outcome) = order.await;
            self.answer(action, outcome);
        }
        self.outgoing.send(&mut self.writer).await?;
        self.writer.shutdown().await?;
        self.lines.discard(u64::MAX).await
    }

    /// Sends an error, and gives the client time to read it.
    async fn refuse(&mut self, error: String) -> io::Result<()> {
        self.say(&Message::Error { error });
        self.outgoing.send(&mut self.writer).await?;
        self.writer.shutdown().await?;
        self.lines.discard(LINGER_BYTES).await
    }
}
