// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection to the broker.

mod connect;
mod hear;

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    sync::oneshot,
    task::JoinSet,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{
    Version,
    packet::{self, Incoming, Limits, Message},
    publisher::Publisher,
    topics::{OFFLINE, ONLINE},
    window::{Sent, Window},
};
use crate::{
    command::Refused,
    journal::{Batch, Delivery},
    net::{Dialer, Transport},
    publish::{Publish, Unpublished},
    quote::quote,
};

/// Number of unsent bytes above which no more messages are added.
const ENOUGH: usize = 32 * 1024;

/// Read size in bytes.
const READ: usize = 4096;

/// Time limit for disconnecting when the sink is removed from the configuration.
const GOODBYE: Duration = Duration::from_millis(300);

/// How a connection ended.
pub(super) enum End {
    /// The journal has ended, and the broker has acknowledged everything.
    Delivered,
    /// The sink was told to stop.
    Stopped,
    /// The connection broke, for this reason.
    Lost(String),
}

/// An accepted connection.
pub(super) struct Session {
    dialer: Dialer,
    address: String,
    version: Version,
    reader: ReadHalf<Box<dyn Transport>>,
    writer: WriteHalf<Box<dyn Transport>>,
    received: BytesMut,
    /// Remaining bytes of an oversized packet.
    skip: usize,
    outgoing: BytesMut,
    /// Whether the TLS layer may have unsent bytes.
    unflushed: bool,
    limits: Limits,
    keep_alive: Duration,
    timeout: Duration,
    window: Window,
    last_sent: Instant,
    /// Since when an answer of the broker is pending.
    owed: Option<Instant>,
    pinged: bool,
    /// The filters of unacknowledged subscriptions.
    subscribing: Vec<Arc<str>>,
    /// Channels to rules for acknowledgements, by message identifier.
    replies: HashMap<u16, oneshot::Sender<Result<(), Unpublished>>>,
    /// Orders in progress.
    ordered: JoinSet<Result<(), Refused>>,
}

impl Session {
    /// Publishes until the journal ends, the sink is stopped, or the connection breaks.
    pub(super) async fn run(
        mut self,
        publisher: &mut Publisher<'_>,
        stop: &CancellationToken,
    ) -> End {
        let end = self.serve(publisher, stop).await.unwrap_or_else(End::Lost);
        if let End::Lost(reason) = &end {
            for reply in self.replies.into_values() {
                let _ = reply.send(Err(Unpublished::Failed(reason.clone())));
            }
        }
        end
    }

    async fn serve(
        &mut self,
        publisher: &mut Publisher<'_>,
        stop: &CancellationToken,
    ) -> Result<End, String> {
        let availability = publisher.availability();
        publisher
            .retained
            .set(&availability, Bytes::from_static(ONLINE.as_bytes()));
        publisher.look();
        self.subscribe(publisher);
        let mut cursor = publisher.place();
        let mut batch: Option<(Batch, u64)> = None;
        let (mut ended, mut said_goodbye) = (false, false);
        loop {
            self.fill(publisher, &mut batch);
            if ended && batch.is_none() && self.window.is_empty() && publisher.retained.is_done() {
                if said_goodbye {
                    self.version.disconnect(&mut self.outgoing);
                    // The broker has everything, so it does not matter whether this succeeds.
                    let _ = send(&mut self.writer, &mut self.outgoing).await;
                    let _ = self.writer.shutdown().await;
                    return Ok(End::Delivered);
                }
                said_goodbye = true;
                publisher
                    .retained
                    .set(&availability, Bytes::from_static(OFFLINE.as_bytes()));
                continue;
            }
            let deadline = self.deadline();
            tokio::select! {
                () = stop.cancelled() => {
                    let _ = time::timeout(GOODBYE, self.leave(availability)).await;
                    return Ok(End::Stopped);
                }
                read = self.reader.read_buf(&mut self.received) => {
                    self.has_read(read)?;
                    while let Some(incoming) = self.take()? {
                        self.hear(incoming, publisher)?;
                    }
                    publisher.count();
                }
                sent = send(&mut self.writer, &mut self.outgoing), if self.unflushed => {
                    sent.map_err(|error| self.broken(&error))?;
                    self.unflushed = false;
                }
                delivery = cursor.next(), if batch.is_none() && !ended && self.window.has_room() => {
                    match delivery {
                        Some(Delivery::Events(events)) => {
                            if events.events().any(|event| event.reading.level().is_some()) {
                                self.look(publisher);
                            }
                            let first = events.first();
                            batch = Some((events, first));
                        }
                        Some(Delivery::Gap(gap)) => {
                            let payload = publisher.missed(gap, cursor.position());
                            let topic = publisher.config.topics.missed.of(publisher.machine());
                            self.publish(publisher, topic, payload, false, Sent::Gap);
                            self.look(publisher);
                        }
                        Some(Delivery::Era(_)) => self.look(publisher),
                        None => ended = true,
                    }
                    publisher.count();
                }
                Ok(()) = publisher.shown.changed(), if !ended => self.look(publisher),
                Some(message) = publisher.messages.recv(), if !said_goodbye && self.window.has_room() => {
                    self.publish_for_rule(publisher, message);
                }
                Some(outcome) = self.ordered.join_next() => {
                    if let Ok(Err(refused)) = outcome {
                        publisher.complain(refused.to_string());
                    }
                }
                () = time::sleep_until(deadline) => self.time_is_up()?,
            }
        }
    }

    /// Adds messages while there is room.
    fn fill(&mut self, publisher: &mut Publisher<'_>, batch: &mut Option<(Batch, u64)>) {
        while self.window.has_room() && self.outgoing.len() < ENOUGH {
            if let Some((topic, payload)) = publisher.retained.next() {
                let sent = Sent::Retained(Arc::clone(&topic));
                self.publish(publisher, topic, payload, true, sent);
                continue;
            }
            let Some((events, next)) = batch else {
                return;
            };
            let Some((event, line)) = events.get(*next) else {
                *batch = None;
                return;
            };
            *next += 1;
            let session = events.era().session;
            if publisher.config.filter.takes(event) {
                let topic = publisher.config.topics.event.of(publisher.machine(), event);
                let sent = Sent::Event(session, event.sequence);
                let payload = publisher.payload(events, &line);
                self.publish(publisher, topic, payload, false, sent);
            } else if self.window.pass(session, event.sequence) {
                publisher.pass(session, event.sequence);
            }
        }
    }

    fn publish(
        &mut self,
        publisher: &mut Publisher<'_>,
        topic: Arc<str>,
        payload: Bytes,
        retain: bool,
        sent: Sent,
    ) {
        let id = self.window.send(sent.clone());
        let message = Message {
            topic: Arc::clone(&topic),
            payload,
            retain: retain && self.limits.retains,
            id: Some(id),
        };
        if self.version.publish(message, &mut self.outgoing) {
            publisher.publishes(&sent);
            self.sends(true);
            return;
        }
        self.window.take_back();
        publisher.complain(format!("cannot publish to the topic `{}`", quote(&topic)));
        match sent {
            Sent::Event(session, event) if !self.window.pass(session, event) => {}
            sent => publisher.is_acknowledged(&sent),
        }
    }

    fn publish_for_rule(&mut self, publisher: &mut Publisher<'_>, message: Publish) {
        let id = self.window.send(Sent::Rule);
        let packet = Message {
            topic: message.topic.into(),
            payload: message.payload,
            retain: message.retain && self.limits.retains,
            id: Some(id),
        };
        if self.version.publish(packet, &mut self.outgoing) {
            publisher.publishes(&Sent::Rule);
            self.replies.insert(id, message.reply);
            self.sends(true);
        } else {
            self.window.take_back();
            let reason = "cannot publish to its topic".to_owned();
            // The rule may be gone.
            let _ = message.reply.send(Err(Unpublished::Failed(reason)));
        }
    }

    fn look(&mut self, publisher: &mut Publisher<'_>) {
        if publisher.look() {
            self.subscribe(publisher);
        }
    }

    fn subscribe(&mut self, publisher: &Publisher<'_>) {
        let mut filters: Vec<_> = publisher.orders.topics().cloned().collect();
        filters.extend(publisher.status_topic());
        if filters.is_empty() {
            return;
        }
        // The broker distinguishes it from message identifiers by packet type.
        self.version.subscribe(1, &filters, &mut self.outgoing);
        self.subscribing = filters;
        self.sends(true);
    }

    /// Marks data as unsent; `owes` tells whether the broker must answer it.
    fn sends(&mut self, owes: bool) {
        let now = Instant::now();
        self.unflushed = true;
        self.last_sent = now;
        if owes {
            self.owed.get_or_insert(now);
        }
    }

    fn deadline(&self) -> Instant {
        let ping = self.last_sent + self.keep_alive;
        self.owed.map_or(ping, |owed| ping.min(owed + self.timeout))
    }

    fn time_is_up(&mut self) -> Result<(), String> {
        let now = Instant::now();
        if self.owed.is_some_and(|owed| owed + self.timeout <= now) {
            return Err(self.silent());
        }
        if self.last_sent + self.keep_alive <= now {
            self.version.ping(&mut self.outgoing);
            self.pinged = true;
            self.sends(true);
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<(), String> {
        let read = self.reader.read_buf(&mut self.received).await;
        self.has_read(read)
    }

    fn has_read(&mut self, read: io::Result<usize>) -> Result<(), String> {
        match read {
            Ok(0) => Err(format!("{} closed the connection", self.address)),
            Ok(_) => {
                self.received.reserve(READ);
                Ok(())
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// The next received packet.
    fn take(&mut self) -> Result<Option<Incoming>, String> {
        packet::next(self.version, &mut self.received, &mut self.skip)
            .map_err(|error| format!("{}: {error}", self.address))
    }

    /// Disconnects without waiting for answers.
    async fn leave(&mut self, availability: Arc<str>) -> io::Result<()> {
        let message = Message {
            topic: availability,
            payload: Bytes::from_static(OFFLINE.as_bytes()),
            retain: self.limits.retains,
            id: None,
        };
        let _ = self.version.publish(message, &mut self.outgoing);
        self.version.disconnect(&mut self.outgoing);
        send(&mut self.writer, &mut self.outgoing).await?;
        self.writer.shutdown().await
    }

    fn broken(&self, error: &io::Error) -> String {
        let reason = self.dialer.explain(error);
        format!("the connection to {} broke: {reason}", self.address)
    }

    fn silent(&self) -> String {
        format!("{} does not answer within {:?}", self.address, self.timeout)
    }
}

/// Writes all of `outgoing`. Dropping the future loses no data.
async fn send(
    writer: &mut WriteHalf<Box<dyn Transport>>,
    outgoing: &mut BytesMut,
) -> io::Result<()> {
    while !outgoing.is_empty() {
        writer.write_buf(outgoing).await?;
    }
    writer.flush().await
}
