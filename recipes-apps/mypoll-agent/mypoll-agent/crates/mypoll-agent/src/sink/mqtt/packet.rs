// SPDX-License-Identifier: MIT OR Apache-2.0
//! The packets of MQTT 3.1.1 and 5 that the sink sends and receives.

use std::{ops::Range, sync::Arc};

use bytes::{Buf as _, Bytes, BytesMut};
use mqtt_proto::{Pid, QoS, QosPid, TopicFilter, TopicName, v3, v5};
use thiserror::Error;

/// The longest accepted packet: orders are short.
pub(super) const LONGEST: usize = 16 * 1024;

/// The version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1
    V311,
    /// 5
    V5,
}

/// Why the broker's bytes are invalid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("it sends invalid MQTT {version}: {reason}")]
pub(super) struct Malformed {
    version: &'static str,
    reason: String,
}

/// The parameters of a CONNECT packet.
pub(super) struct Connect<'a> {
    pub(super) client_id: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) password: Option<Bytes>,
    /// In seconds.
    pub(super) keep_alive: u16,
    /// Topic and payload that the broker publishes and retains if the connection breaks.
    pub(super) will: (Arc<str>, &'static str),
}

/// A message to publish.
pub(super) struct Message {
    pub(super) topic: Arc<str>,
    pub(super) payload: Bytes,
    pub(super) retain: bool,
    /// The identifier for QoS 1; `None` for QoS 0.
    pub(super) id: Option<u16>,
}

/// A packet from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Accepted(Limits),
    /// The connection is rejected.
    Refused(Refusal),
    /// A message is acknowledged, or rejected for this reason.
    Acknowledged(u16, Option<String>),
    /// The result of a subscription: whether each filter was accepted.
    Subscribed(Vec<bool>),
    Message {
        topic: Arc<str>,
        payload: Bytes,
        retained: bool,
    },
    /// The broker closes the connection, with a reason.
    Disconnect(String),
    /// Any other packet: it shows that the broker is alive.
    Other,
}

/// The broker's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Maximum number of unacknowledged messages.
    pub(super) unacknowledged: u16,
    /// The longest packet, in bytes.
    pub(super) packet: u32,
    /// Whether it supports retained messages.
    pub(super) retains: bool,
    /// Whether it supports QoS 1.
    pub(super) acknowledges: bool,
    /// The keep-alive time that it demands, in seconds.
    pub(super) keep_alive: Option<u16>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unacknowledged: u16::MAX,
            packet: u32::MAX,
            retains: true,
            acknowledges: true,
            keep_alive: None,
        }
    }
}

/// Why a broker rejects a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// User, password or certificate.
    Login,
    /// The client identifier.
    ClientId,
    /// The version of the protocol.
    Version,
    /// Something else.
    Other(String),
}

/// The range of the first packet's body in `bytes`, once its header is complete.
///
/// # Errors
///
/// The bytes do not start a packet.
fn body(bytes: &[u8]) -> Result<Option<Range<usize>>, String> {
    if let Some(first) = bytes.first() {
        // Early: the length in another protocol's bytes may be huge.
        v5::Header::new_with(*first, 0, 2).map_err(text)?;
    }
    let mut length = 0;
    for (index, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let start = 2 + index;
            return Ok(Some(start..start + length));
        }
    }
    if bytes.len() > 4 {
        return Err("the length of a packet has more than four bytes".to_owned());
    }
    Ok(None)
}

/// Takes the next complete packet out of `bytes`. If it is longer than [`LONGEST`], the rest of it is counted in
/// `skip`.
///
/// # Errors
///
/// The bytes are not a packet.
pub(super) fn next(
    version: Version,
    bytes: &mut BytesMut,
    skip: &mut usize,
) -> Result<Option<Incoming>, Malformed> {
    let malformed = |reason| Malformed {
        version: version.name(),
        reason,
    };
    let skipped = bytes.len().min(*skip);
    bytes.advance(skipped);
    *skip -= skipped;
    let Some(body) = body(bytes).map_err(malformed)? else {
        return Ok(None);
    };
    if body.end > LONGEST {
        let there = bytes.len().min(body.end);
        bytes.advance(there);
        *skip = body.end - there;
        return Ok(Some(Incoming::Other));
    }
    if bytes.len() < body.end {
        return Ok(None);
    }
    let packet = bytes.split_to(body.end);
    version.decode(&packet, body).map(Some).map_err(malformed)
}

impl Version {
    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        }
    }

    /// Writes a CONNECT packet. It starts a clean session that ends with the connection: the journal knows what to send
    /// again.
    pub(super) fn connect(self, connect: Connect<'_>, bytes: &mut BytesMut) {
        let (topic, payload) = connect.will;
        let will = TopicName::try_from(topic).ok();
        let payload = Bytes::from_static(payload.as_bytes());
        let user = connect.user.map(Arc::from);
        let id = Arc::from(connect.client_id);
        match self {
            Self::V311 => {
                let mut packet = v3::Connect::new(id, connect.keep_alive);
                packet.last_will = will.map(|topic_name| v3::LastWill {
                    qos: QoS::Level1,
                    retain: true,
                    topic_name,
                    message: payload,
                });
                (packet.username, packet.password) = (user, connect.password);
                put_v3(&packet.into(), bytes);
            }
            Self::V5 => {
                let mut packet = v5::Connect::new(id, connect.keep_alive);
                packet.properties.max_packet_size = Some(LONGEST as u32);
                packet.last_will = will.map(|topic_name| v5::LastWill {
                    qos: QoS::Level1,
                    retain: true,
                    topic_name,
                    payload,
                    properties: v5::WillProperties::default(),
                });
                (packet.username, packet.password) = (user, connect.password);
                put_v5(&packet.into(), bytes);
            }
        }
    }

    /// Writes a message. Returns whether its topic is valid for publishing.
    #[must_use]
    pub(super) fn publish(self, message: Message, bytes: &mut BytesMut) -> bool {
        let topic = TopicName::try_from(message.topic);
        let Some(topic) = topic.ok().filter(|topic| !topic.is_empty()) else {
            return false;
        };
        let id = message.id.and_then(|id| Pid::try_from(id).ok());
        let qos = id.map_or(QosPid::Level0, QosPid::Level1);
        match self {
            Self::V311 => {
                let mut packet = v3::Publish::new(qos, topic, message.payload);
                packet.retain = message.retain;
                put_v3(&packet.into(), bytes);
            }
            Self::V5 => {
                let mut packet = v5::Publish::new(qos, topic, message.payload);
                packet.retain = message.retain;
                put_v5(&packet.into(), bytes);
            }
        }
        true
    }

    /// Writes a subscription. Uses QoS 0: an order that arrives twice would be wrong.
    pub(super) fn subscribe(self, id: u16, filters: &[Arc<str>], bytes: &mut BytesMut) {
        let filters = filters
            .iter()
            .filter_map(|filter| TopicFilter::try_from(Arc::clone(filter)).ok());
        let id = Pid::try_from(id).unwrap_or_default();
        match self {
            Self::V311 => {
                let filters = filters.map(|filter| (filter, QoS::Level0)).collect();
                put_v3(&v3::Subscribe::new(id, filters).into(), bytes);
            }
            Self::V5 => {
                let mut options = v5::SubscriptionOptions::new(QoS::Level0);
                // Makes the retain flag, as in 3.1.1, mark only old messages.
                options.retain_as_published = false;
                let filters = filters.map(|filter| (filter, options)).collect();
                put_v5(&v5::Subscribe::new(id, filters).into(), bytes);
            }
        }
    }

    /// Writes a PINGREQ.
    pub(super) fn ping(self, bytes: &mut BytesMut) {
        put_v3(&v3::Packet::Pingreq, bytes);
    }

    /// Writes a DISCONNECT: the broker discards the will.
    pub(super) fn disconnect(self, bytes: &mut BytesMut) {
        match self {
            Self::V311 => put_v3(&v3::Packet::Disconnect, bytes),
            Self::V5 => put_v5(&v5::Disconnect::new_normal().into(), bytes),
        }
    }

    /// Decodes the packets that a broker may send to this client; decoders for all others would only take space.
    fn decode(self, packet: &[u8], body: Range<usize>) -> Result<Incoming, String> {
        let (mut at, length, whole) = (body.start, body.len() as u32, body.end as u32);
        let kind = packet[0] >> 4;
        match self {
            Self::V311 => {
                let header = v3::Header::new_with(packet[0], length, whole).map_err(text)?;
                match kind {
                    2 => v3::Connack::decode(packet, &mut at).map(connack_v3),
                    3 => v3::Publish::decode(packet, &mut at, header).map(|publish| {
                        message(&publish.topic_name, publish.payload, publish.retain)
                    }),
                    4 => Pid::try_from(
                        packet[at..]
                            .first_chunk()
                            .map_or(0, |id| u16::from_be_bytes(*id)),
                    )
                    .map(|id| Incoming::Acknowledged(id.value(), None)),
                    9 => v3::Suback::decode(packet, &mut at, header).map(|suback| {
                        let taken = |code: &_| *code != v3::SubscribeReturnCode::Failure;
                        Incoming::Subscribed(suback.topics.iter().map(taken).collect())
                    }),
                    _ => Ok(Incoming::Other),
                }
                .map_err(text)
            }
            Self::V5 => {
                let header = v5::Header::new_with(packet[0], length, whole).map_err(text)?;
                match kind {
                    2 => v5::Connack::decode(packet, &mut at, header).map(connack_v5),
                    3 => v5::Publish::decode(packet, &mut at, header).map(|publish| {
                        message(&publish.topic_name, publish.payload, publish.retain)
                    }),
                    4 => v5::Puback::decode(packet, &mut at, header).map(puback_v5),
                    9 => v5::Suback::decode(packet, &mut at, header).map(|suback| {
                        let taken = |code: &_| (*code as u8) < 0x80;
                        Incoming::Subscribed(suback.topics.iter().map(taken).collect())
                    }),
                    14 => v5::Disconnect::decode(packet, &mut at, header).map(|disconnect| {
                        let said = disconnect.properties.reason_string;
                        Incoming::Disconnect(sentence(&disconnect.reason_code, said))
                    }),
                    _ => Ok(Incoming::Other),
                }
                .map_err(text)
            }
        }
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn message(topic: &str, payload: Bytes, retained: bool) -> Incoming {
    Incoming::Message {
        topic: topic.into(),
        payload,
        retained,
    }
}

/// Fails only for packets longer than 256 MB, which don't occur here.
fn put_v3(packet: &v3::Packet, bytes: &mut BytesMut) {
    if let Ok(encoded) = packet.encode() {
        bytes.extend_from_slice(encoded.as_ref());
    }
}

fn put_v5(packet: &v5::Packet, bytes: &mut BytesMut) {
    if let Ok(encoded) = packet.encode() {
        bytes.extend_from_slice(encoded.as_ref());
    }
}

fn connack_v3(connack: v3::Connack) -> Incoming {
    use v3::ConnectReturnCode as Code;
    Incoming::Refused(match connack.code {
        Code::Accepted => return Incoming::Accepted(Limits::default()),
        Code::BadUserNameOrPassword | Code::NotAuthorized => Refusal::Login,
        Code::IdentifierRejected => Refusal::ClientId,
        Code::UnacceptableProtocolVersion => Refusal::Version,
        Code::ServerUnavailable => Refusal::Other("it is unavailable".to_owned()),
    })
}

fn connack_v5(connack: v5::Connack) -> Incoming {
    use v5::ConnectReasonCode as Code;
    let properties = connack.properties;
    Incoming::Refused(match connack.reason_code {
        Code::Success => {
            return Incoming::Accepted(Limits {
                unacknowledged: properties.receive_max.unwrap_or(u16::MAX),
                packet: properties.max_packet_size.unwrap_or(u32::MAX),
                retains: properties.retain_available.unwrap_or(true),
                acknowledges: properties.max_qos != Some(QoS::Level0),
                keep_alive: properties.server_keep_alive,
            });
        }
        Code::BadUserNameOrPassword | Code::NotAuthorized => Refusal::Login,
        Code::ClientIdentifierNotValid => Refusal::ClientId,
        Code::UnsupportedProtocolVersion => Refusal::Version,
        code => Refusal::Other(sentence(&code, properties.reason_string)),
    })
}

fn puback_v5(puback: v5::Puback) -> Incoming {
    let refused = (puback.reason_code as u8 >= 0x80)
        .then(|| sentence(&puback.reason_code, puback.properties.reason_string));
    Incoming::Acknowledged(puback.pid.value(), refused)
}

/// The broker's reason code, with its reason string.
fn sentence(code: &impl std::fmt::Debug, said: Option<Arc<str>>) -> String {
    match said {
        Some(said) => format!("{code:?}: {}", crate::quote::quote(&said)),
        None => format!("{code:?}"),
    }
}

#[cfg(test)]
mod tests;
