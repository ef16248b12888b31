// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection to the broker.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split},
    sync::oneshot,
    task::JoinSet,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{
    Config, Version,
    packet::{self, Connect, Incoming, Limits, Message, Refusal},
    publisher::{OFFLINE, ONLINE, Publisher},
    window::{Sent, Window},
};
use crate::{
    command::Refused,
    journal::{Batch, Delivery},
    net::{Dialer, Transport},
    publish::{Publish, Unpublished},
    quote::quote,
};

/// How many bytes wait to be written before no more messages are added.
const ENOUGH: usize = 32 * 1024;

/// How many bytes are read at a time.
const READ: usize = 4096;

/// The longest event, with its topic, in bytes: a broker has to take it.
const LONGEST_EVENT: u32 = 8192;

/// How long saying goodbye may take when the sink is taken out of the configuration.
const GOODBYE: Duration = Duration::from_millis(300);

/// How a connection ended.
pub(super) enum End {
    /// The journal ended, and the broker has all of it.
    Delivered,
    /// The sink was told to stop.
    Stopped,
    /// It broke, and why.
    Lost(String),
}

/// A connection that the broker has accepted.
pub(super) struct Session {
    dialer: Dialer,
    address: String,
    version: Version,
    reader: ReadHalf<Box<dyn Transport>>,
    writer: WriteHalf<Box<dyn Transport>>,
    received: BytesMut,
    /// How much of a packet that is too long is still to come.
    skip: usize,
    outgoing: BytesMut,
    /// Whether written bytes may still be in the layer of TLS.
    unflushed: bool,
    limits: Limits,
    keep_alive: Duration,
    timeout: Duration,
    window: Window,
    last_sent: Instant,
    /// Since when the broker owes an answer.
    owed: Option<Instant>,
    pinged: bool,
    /// The subscriptions that the broker has not acknowledged: the filters of each.
    subscribing: Vec<Arc<str>>,
    /// Where rules are told that the broker has their messages, by the identifiers of these.
    replies: HashMap<u16, oneshot::Sender<Result<(), Unpublished>>>,
    /// Orders that are being carried out.
    ordered: JoinSet<Result<(), Refused>>,
}

impl Session {
    /// Connects, and waits until the broker has accepted.
    ///
    /// # Errors
    ///
    /// A sentence that is the same each time for the same reason.
    pub(super) async fn connect(
        config: &Config,
        client_id: &str,
        will: Arc<str>,
    ) -> Result<Self, String> {
        let dialer = Dialer::read(&config.broker, config.tls.as_ref())
            .map_err(|error| format!("{error:#}"))?;
        let password = config.password().map_err(|error| format!("{error:#}"))?;
        let transport = dialer
            .connect(config.timeout)
            .await
            .map_err(|error| error.to_string())?;
        let (reader, writer) = split(transport);
        let now = Instant::now();
        let mut session = Self {
            dialer,
            address: config.broker.to_string(),
            version: config.version,
            reader,
            writer,
            received: BytesMut::new(),
            skip: 0,
            outgoing: BytesMut::new(),
            unflushed: false,
            limits: Limits::default(),
            keep_alive: config.keep_alive,
            timeout: config.timeout,
            window: Window::new(config.window),
            last_sent: now,
            owed: None,
            pinged: false,
            subscribing: Vec::new(),
            replies: HashMap::new(),
            ordered: JoinSet::new(),
        };
        let connect = Connect {
            client_id,
            user: config.user.as_deref(),
            password,
            // At most 18 hours.
            keep_alive: u16::try_from(config.keep_alive.as_secs()).unwrap_or(u16::MAX),
            will: (will, OFFLINE),
        };
        session.version.connect(connect, &mut session.outgoing);
        match time::timeout(config.timeout, session.accepted()).await {
            Ok(Ok(limits)) => session.limit(limits, config)?,
            Ok(Err(reason)) => return Err(reason),
            Err(_) => return Err(session.silent()),
        }
        Ok(session)
    }

    /// Waits for the broker's answer to the first packet.
    async fn accepted(&mut self) -> Result<Limits, String> {
        send(&mut self.writer, &mut self.outgoing)
            .await
            .map_err(|error| self.broken(&error))?;
        loop {
            match self.take()? {
                Some(Incoming::Accepted(limits)) => return Ok(limits),
                Some(Incoming::Refused(refusal)) => return Err(self.refused(&refusal)),
                Some(_) => {
                    return Err(format!(
                        "{} does not answer as an MQTT broker does",
                        self.address
                    ));
                }
                None => self.read().await?,
            }
        }
    }

    fn limit(&mut self, limits: Limits, config: &Config) -> Result<(), String> {
        if !limits.acknowledges {
            return Err(format!(
                "{} takes messages of QoS 0 only, so that none would be sure to arrive",
                self.address
            ));
        }
        if limits.packet < LONGEST_EVENT {
            return Err(format!(
                "{} takes packets of {} bytes only, expected at least {LONGEST_EVENT}",
                self.address, limits.packet
            ));
        }
        self.window = Window::new(config.window.min(limits.unacknowledged.into()));
        if let Some(seconds) = limits.keep_alive.filter(|seconds| *seconds > 0) {
            self.keep_alive = self.keep_alive.min(Duration::from_secs(seconds.into()));
        }
        self.limits = limits;
        Ok(())
    }

    /// Publishes until the journal ends, it is told to stop, or the connection breaks.
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
                    // The broker has all; whether it hears that changes nothing.
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

    /// Sends what there is, as far as there is room.
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
        publisher.complain(format!(
            "nothing can be published to the topic `{}`",
            quote(&topic)
        ));
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
            let reason = "no message can be published to its topic".to_owned();
            // The rule may have gone.
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
        // The broker tells it from the identifiers of messages by its kind.
        self.version.subscribe(1, &filters, &mut self.outgoing);
        self.subscribing = filters;
        self.sends(true);
    }

    /// Something is to be written, to which the broker owes an answer, or not.
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

    /// The next packet of those that were read.
    fn take(&mut self) -> Result<Option<Incoming>, String> {
        packet::next(self.version, &mut self.received, &mut self.skip)
            .map_err(|error| format!("{}: {error}", self.address))
    }

    fn hear(&mut self, incoming: Incoming, publisher: &mut Publisher<'_>) -> Result<(), String> {
        match incoming {
            Incoming::Acknowledged(id, refused) => self.acknowledged(id, refused, publisher)?,
            Incoming::Subscribed(taken) => {
                let filters = std::mem::take(&mut self.subscribing);
                for (filter, _) in filters.iter().zip(taken).filter(|(_, taken)| !taken) {
                    publisher
                        .complain(format!("the broker refuses to send what comes to {filter}"));
                }
            }
            Incoming::Message {
                topic,
                payload,
                retained,
            } => self.message(&topic, &payload, retained, publisher),
            Incoming::Disconnect(reason) => {
                return Err(format!("{} closed the connection: {reason}", self.address));
            }
            Incoming::Other => self.pinged = false,
            Incoming::Accepted(_) | Incoming::Refused(_) => {
                return Err(format!("{} accepts a second time", self.address));
            }
        }
        let owes = !self.window.is_empty() || self.pinged || !self.subscribing.is_empty();
        self.owed = owes.then(Instant::now);
        Ok(())
    }

    fn acknowledged(
        &mut self,
        id: u16,
        refused: Option<String>,
        publisher: &mut Publisher<'_>,
    ) -> Result<(), String> {
        let Some(sent) = self.window.get(id) else {
            return Ok(());
        };
        if let Some(reply) = self.replies.remove(&id) {
            // The rule may have gone.
            let _ = reply.send(
                refused
                    .clone()
                    .map_or(Ok(()), |reason| Err(Unpublished::Failed(reason))),
            );
        }
        match (refused, sent) {
            (None, _) | (_, Sent::Rule) => {}
            // Without it the sink is still of use.
            (Some(reason), Sent::Retained(topic)) => {
                publisher.complain(format!("the broker refuses what is for {topic}: {reason}"));
            }
            (Some(reason), Sent::Event(..) | Sent::Gap) => {
                return Err(format!("{} refuses events: {reason}", self.address));
            }
        }
        for sent in self.window.acknowledge(id) {
            publisher.is_acknowledged(&sent);
        }
        publisher.acknowledged(self.window.len());
        Ok(())
    }

    /// Takes a message: an order, or that Home Assistant has started.
    fn message(
        &mut self,
        topic: &str,
        payload: &[u8],
        retained: bool,
        publisher: &mut Publisher<'_>,
    ) {
        if publisher.status_topic().as_deref() == Some(topic) {
            if payload == ONLINE.as_bytes() && !retained {
                publisher.retained.renew();
            }
            return;
        }
        match publisher.orders.parse(topic, payload) {
            None => {}
            Some(_) if retained => publisher.complain(format!(
                "{topic}: an order that the broker had retained is not carried out, publish it without `retain`"
            )),
            Some(Err(sentence)) => publisher.complain(sentence),
            Some(Ok(action)) => match publisher.commands.give(action) {
                Ok(outcome) => {
                    self.ordered
                        .spawn(async { outcome.await.unwrap_or(Err(Refused::Ending)) });
                }
                Err(refused) => publisher.complain(refused.to_string()),
            },
        }
    }

    /// Says goodbye without waiting for answers.
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

    fn refused(&self, refusal: &Refusal) -> String {
        let reason = match refusal {
            Refusal::Login => "user and password are refused (user, password-file)".to_owned(),
            Refusal::ClientId => "the identifier of the client is refused (client-id)".to_owned(),
            Refusal::Version => {
                format!("it does not speak MQTT {} (version)", self.version.name())
            }
            Refusal::Other(reason) => format!("the connection is refused: {reason}"),
        };
        format!("{}: {reason}", self.address)
    }
}

/// Writes all of `outgoing`. Dropping the future loses nothing.
async fn send(
    writer: &mut WriteHalf<Box<dyn Transport>>,
    outgoing: &mut BytesMut,
) -> io::Result<()> {
    while !outgoing.is_empty() {
        writer.write_buf(outgoing).await?;
    }
    writer.flush().await
}
