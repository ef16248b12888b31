// SPDX-License-Identifier: MIT OR Apache-2.0
//! Another client of the broker.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use mqtt_proto::{Pid, QoS, QosPid, TopicFilter, TopicName, v3};
use serde_json::Value;

use crate::common::DEADLINE;

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: String,
    pub payload: String,
    /// Whether the broker had retained it.
    pub retained: bool,
}

impl From<v3::Publish> for Message {
    fn from(publish: v3::Publish) -> Self {
        Self {
            topic: publish.topic_name.to_string(),
            payload: String::from_utf8(publish.payload.to_vec()).unwrap(),
            retained: publish.retain,
        }
    }
}

impl Message {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.payload).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A client that listens to everything that begins with `filter`.
pub struct Subscriber {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Subscriber {
    pub fn new(port: u16, filter: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut subscriber = Self {
            stream,
            received: Vec::new(),
        };
        let id = format!("subscriber-{:?}", Instant::now());
        subscriber.send(&v3::Connect::new(id.into(), 0).into());
        let accepted = subscriber.packet();
        assert!(
            matches!(&accepted, v3::Packet::Connack(packet) if packet.code as u8 == 0),
            "{accepted:?}"
        );
        let filter = TopicFilter::try_from(filter).unwrap();
        subscriber.send(&v3::Subscribe::new(Pid::default(), vec![(filter, QoS::Level0)]).into());
        assert!(matches!(subscriber.packet(), v3::Packet::Suback(_)));
        subscriber
    }

    /// Publishes something.
    pub fn publish(&mut self, topic: &str, payload: &str, retain: bool) {
        let topic = TopicName::try_from(topic).unwrap();
        let mut packet = v3::Publish::new(QosPid::Level0, topic, payload.to_owned().into());
        packet.retain = retain;
        self.send(&packet.into());
    }

    fn send(&mut self, packet: &v3::Packet) {
        self.stream
            .write_all(packet.encode().unwrap().as_ref())
            .unwrap();
    }

    fn packet(&mut self) -> v3::Packet {
        self.try_packet().expect("the broker closed the connection")
    }

    /// The next packet; `None` when the broker is gone.
    fn try_packet(&mut self) -> Option<v3::Packet> {
        loop {
            if let Some(packet) = v3::Packet::decode(&self.received).unwrap() {
                self.received.drain(..packet.encode_len().unwrap());
                return Some(packet);
            }
            let mut bytes = [0; 65536];
            let count = match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came: {error}"),
            };
            self.received.extend_from_slice(&bytes[..count]);
        }
    }

    /// The next message.
    pub fn next(&mut self) -> Message {
        self.try_next().expect("the broker closed the connection")
    }

    /// The next message; `None` when the broker is gone.
    pub fn try_next(&mut self) -> Option<Message> {
        loop {
            if let v3::Packet::Publish(publish) = self.try_packet()? {
                return Some(Message::from(publish));
            }
        }
    }

    /// The next message of a topic, whatever comes before it.
    pub fn of(&mut self, topic: &str) -> Message {
        loop {
            let message = self.next();
            if message.topic == topic {
                return message;
            }
        }
    }

    /// Waits until a topic has this payload.
    pub fn until(&mut self, topic: &str, payload: &str) {
        while self.of(topic).payload != payload {}
    }

    /// The numbers of all events until the one with the number `last`, without duplicates.
    pub fn events(&mut self, last: u64) -> BTreeSet<u64> {
        let mut numbers = BTreeSet::new();
        while numbers.last().is_none_or(|number| *number < last) {
            let message = self.next();
            if message.topic.contains("/event/") {
                numbers.insert(message.json()["event"].as_u64().unwrap());
            }
        }
        numbers
    }

    /// The numbers of all events that arrive until the broker is gone.
    pub fn rest(&mut self) -> BTreeSet<u64> {
        let mut numbers = BTreeSet::new();
        while let Some(packet) = self.try_packet() {
            if let v3::Packet::Publish(publish) = packet {
                let event: Value = serde_json::from_slice(&publish.payload).unwrap_or_default();
                numbers.extend(event["event"].as_u64());
            }
        }
        numbers
    }

    /// The messages that arrive within a time, to check that others do not.
    pub fn within(&mut self, time: Duration) -> Vec<Message> {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let mut messages = Vec::new();
        let end = Instant::now() + time;
        while Instant::now() < end {
            let mut bytes = [0; 65536];
            match self.stream.read(&mut bytes) {
                Ok(count) => self.received.extend_from_slice(&bytes[..count]),
                Err(_) => break,
            }
        }
        while let Some(packet) = v3::Packet::decode(&self.received).unwrap() {
            self.received.drain(..packet.encode_len().unwrap());
            if let v3::Packet::Publish(publish) = packet {
                messages.push(publish.into());
            }
        }
        self.stream.set_read_timeout(Some(DEADLINE)).unwrap();
        messages
    }
}
