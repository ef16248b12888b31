// SPDX-License-Identifier: MIT OR Apache-2.0
//! Server-sent events: the body of `/events`.
//!
//! Nothing is buffered ahead: hyper asks for the next piece when the socket has taken the last one. A slow client falls
//! behind in the journal, and gets the number of missed events.

use std::{
    convert::Infallible,
    fmt::Display,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use mypoll_protocol::Message;
use tokio::time::{self, Instant};

use crate::{
    event::Event,
    filter::Filter,
    identity::SessionId,
    journal::{Batch, Cursor, Delivery},
    status::Counter,
};

/// Maximum time without data.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The source of a client's events.
pub(super) struct Reader {
    pub(super) cursor: Cursor,
    /// The session of the last event.
    pub(super) session: SessionId,
    pub(super) filter: Filter,
    /// Sent before the events.
    pub(super) first: Text,
    /// Counts sent events.
    pub(super) sent: Counter,
    /// Counts events that are no longer available to the client.
    pub(super) missed: Counter,
}

type Step = Pin<Box<dyn Future<Output = (Reader, Option<Bytes>)> + Send>>;

/// The body.
pub(super) struct Events(Option<Step>);

/// Text of an event stream.
#[derive(Default)]
pub(super) struct Text(Vec<u8>);

impl Events {
    pub(super) fn new(reader: Reader) -> Self {
        Self(Some(step(reader)))
    }
}

fn step(mut reader: Reader) -> Step {
    Box::pin(async move {
        let text = reader.next().await;
        (reader, text)
    })
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(current) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let (reader, text) = ready!(current.as_mut().poll(context));
        self.0 = text.is_some().then(|| step(reader));
        Poll::Ready(text.map(|text| Ok(Frame::data(text))))
    }
}

impl Reader {
    /// The next piece; `None` after the last event.
    async fn next(&mut self) -> Option<Bytes> {
        let mut text = std::mem::take(&mut self.first);
        let quiet = Instant::now() + HEARTBEAT;
        while text.0.is_empty() {
            match time::timeout_at(quiet, self.cursor.next()).await {
                Ok(delivery) => self.render(delivery?, &mut text),
                Err(_) => self.heartbeat(&mut text),
            }
            // Filtered events send nothing, either.
            if text.0.is_empty() && Instant::now() >= quiet {
                self.heartbeat(&mut text);
            }
        }
        Some(text.0.into())
    }

    fn render(&mut self, delivery: Delivery, text: &mut Text) {
        match delivery {
            Delivery::Events(batch) => self.events(&batch, text),
            Delivery::Gap(gap) => {
                self.missed.add(gap.missed);
                text.id(self.session, self.cursor.position() - 1);
                text.message("missed", &gap.to_message());
            }
            Delivery::Era(era) => {
                self.session = era.session;
                text.message("session", &era.to_message(self.cursor.position()));
            }
        }
    }

    fn events(&mut self, batch: &Batch, text: &mut Text) {
        let wanted = |event: &Event| self.filter.takes(event);
        let mut count = 0;
        for (event, line) in batch.lines().filter(|(event, _)| wanted(event)) {
            text.id(self.session, event.sequence);
            // The line has its own newline.
            text.0.extend_from_slice(b"data: ");
            text.0.extend_from_slice(&line);
            text.0.push(b'\n');
            count += 1;
        }
        self.sent.add(count);
    }

    /// Also reports the position of a client whose filter matches nothing.
    fn heartbeat(&self, text: &mut Text) {
        let next = self.cursor.position();
        text.id(self.session, next - 1);
        text.message("heartbeat", &Message::Heartbeat { heartbeat: next });
    }
}

impl Text {
    /// Sets how long a client waits before it reconnects.
    pub(super) fn retry(&mut self, ms: u32) {
        self.field("retry", ms);
    }

    fn id(&mut self, session: SessionId, event: u64) {
        self.field("id", format_args!("{session}-{event}"));
    }

    /// A named message.
    pub(super) fn message(&mut self, name: &str, message: &Message<'_>) {
        self.field("event", name);
        // Neither writing to memory nor the type can fail. JSON contains no line breaks.
        let json = serde_json::to_string(message).unwrap_or_default();
        self.field("data", json);
        self.0.push(b'\n');
    }

    fn field(&mut self, name: &str, value: impl Display) {
        use std::io::Write as _;
        // Writing to memory can't fail.
        let _ = writeln!(self.0, "{name}: {value}");
    }
}
