// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages from the agent.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::decimal;

/// One line of the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message<'a> {
    /// `{"event":…}`: an event.
    #[serde(borrow)]
    Event(Event<'a>),
    /// `{"hello":…}`: the agent's greeting; the first line after a request.
    Hello {
        /// The greeting.
        hello: Hello,
    },
    /// `{"levels":…}`: the levels of all lines, after the hello of a client that asked for them.
    Levels(Levels),
    /// `{"missed":…}`: events that are no longer available to the client.
    Missed(Missed),
    /// `{"session":…}`: the following events belong to another session or boot than those before.
    Session(Session),
    /// `{"status":{…}}`: the state of each part of the agent, after the hello of a client that asked for it.
    Status {
        /// By name of the part; its keys may change.
        status: serde_json::Value,
    },
    /// `{"heartbeat":27}`: nothing happened for a while; the number of the next event.
    Heartbeat {
        /// The number of the next event.
        heartbeat: u64,
    },
    /// `{"done":…}`: an order was carried out.
    Done {
        /// The order.
        done: crate::Action,
    },
    /// `{"error":…}`: an error message. The agent then closes the connection, except after an order.
    Error {
        /// The message.
        error: String,
    },
    /// A line of a later version.
    Unknown {},
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<'a> {
    /// Its number: from 1, without gaps within a session, below 2^53. With a journal on disk a new session continues the
    /// count.
    pub event: u64,
    /// Its source: `manual`, `timer`, `gpio`, `gesture`, `watchdog`.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// Its kind: `trigger`, `tick`, `rising`, `falling`, `removed`, `added`, `level`, or a kind of gesture or of the
    /// watchdog, such as `click` and `silent`.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// The line's number; 0 if `source` has no lines.
    pub line: u32,
    /// The line's label, if it has one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Cow<'a, str>>,
    /// The level of the line, 1 for active. docs/gestures.md describes it for gestures and the watchdog, the driver's
    /// documentation for other sources.
    pub value: u32,
    /// Events that the driver lost immediately before this one.
    pub lost: u32,
    /// The wall-clock time in RFC 3339.
    #[serde(borrow)]
    pub time: Cow<'a, str>,
    /// `unsynchronized` if the system clock was not set when the event was read.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Cow<'a, str>>,
    /// Nanoseconds of CLOCK_MONOTONIC in this boot.
    #[serde(with = "decimal")]
    pub timestamp_ns: u64,
}

impl Event<'_> {
    /// A copy that does not borrow from the input line.
    pub fn into_owned(self) -> Event<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Event {
            source: owned(self.source),
            kind: owned(self.kind),
            label: self.label.map(owned),
            time: owned(self.time),
            clock: self.clock.map(owned),
            ..self
        }
    }
}

impl Message<'_> {
    /// A copy that does not borrow from the input line.
    pub fn into_owned(self) -> Message<'static> {
        match self {
            Self::Event(event) => Message::Event(event.into_owned()),
            Self::Hello { hello } => Message::Hello { hello },
            Self::Levels(levels) => Message::Levels(levels),
            Self::Missed(missed) => Message::Missed(missed),
            Self::Session(session) => Message::Session(session),
            Self::Status { status } => Message::Status { status },
            Self::Heartbeat { heartbeat } => Message::Heartbeat { heartbeat },
            Self::Done { done } => Message::Done { done },
            Self::Error { error } => Message::Error { error },
            Self::Unknown {} => Message::Unknown {},
        }
    }
}

/// The agent's greeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the protocol.
    pub protocol: u32,
    /// The version of the agent.
    pub agent: String,
    /// The machine: stable across boots, unique in a fleet.
    pub machine: String,
    /// The kernel's boot identifier.
    pub boot: String,
    /// The session in which events are numbered.
    pub session: String,
    /// The number of the next event; a filter or a gap may skip it.
    pub next: u64,
}

/// The levels of all lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// One entry for each line.
    pub levels: Vec<Level>,
    /// The number of the last event that these levels include; 0 if there is none.
    pub after: u64,
}

/// The level of a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The number of the line.
    pub line: u32,
    /// The line's label, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether it is active; null if unknown.
    pub active: Option<bool>,
    /// How often it became active, if pulses are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulses: Option<u64>,
    /// How often per second it became active recently, if pulses are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

/// Events that are no longer available to the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// How many, before any filter: the agent no longer knows which of them would match.
    pub missed: u64,
    /// How many of them the driver had lost; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
}

/// The session of the following events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The session.
    pub session: String,
    /// The kernel's boot identifier: `timestamp_ns` counts from that boot.
    pub boot: String,
    /// The number of the next event.
    pub next: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event<'static> {
        Event {
            event: 26,
            source: "gpio".into(),
            kind: "rising".into(),
            line: 1,
            label: Some("door".into()),
            value: 1,
            lost: 0,
            time: "2026-11-28T13:39:10.123456Z".into(),
            clock: None,
            timestamp_ns: u64::MAX,
        }
    }

    #[test]
    fn an_event_has_its_keys_in_order_and_large_numbers_as_strings() {
        let text = serde_json::to_string(&event()).unwrap();
        assert_eq!(
            text,
            r#"{"event":26,"source":"gpio","kind":"rising","line":1,"label":"door","value":1,"lost":0,"time":"2026-11-28T13:39:10.123456Z","timestamp_ns":"18446744073709551615"}"#
        );
        assert_eq!(
            serde_json::from_str::<Message>(&text).unwrap(),
            Message::Event(event())
        );
    }

    #[test]
    fn message_types_are_distinguished() {
        for (line, expected) in [
            (
                r#"{"missed":5,"lost":7}"#,
                Message::Missed(Missed {
                    missed: 5,
                    lost: Some(7),
                }),
            ),
            (
                r#"{"missed":5}"#,
                Message::Missed(Missed {
                    missed: 5,
                    lost: None,
                }),
            ),
            (r#"{"heartbeat":27}"#, Message::Heartbeat { heartbeat: 27 }),
            (
                r#"{"error":"full"}"#,
                Message::Error {
                    error: "full".into(),
                },
            ),
            (
                r#"{"done":"trigger"}"#,
                Message::Done {
                    done: crate::Action::Trigger,
                },
            ),
            (r#"{"later":[1]}"#, Message::Unknown {}),
            (
                r#"{"session":"a","boot":"b","next":3}"#,
                Message::Session(Session {
                    session: "a".into(),
                    boot: "b".into(),
                    next: 3,
                }),
            ),
        ] {
            assert_eq!(
                serde_json::from_str::<Message>(line).unwrap(),
                expected,
                "{line}"
            );
        }
    }
}
