// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client sends.

use serde::{Deserialize, Serialize};

/// The first line of a client: what it wants to get. All keys may be left out.
///
/// The agent waits 200 ms for its first byte. A request that comes later counts as well, but events may stand before
/// its [`Hello`](crate::Hello): ignore those. A line has at most 16 KiB and comes whole within 10 s. Blank lines are
/// ignored. A client that sends no more may still read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The version of the protocol that the client speaks. Default: the agent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u32>,
    /// The secret of a token, where the listener asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Which events to send. Default: all.
    #[serde(skip_serializing_if = "Filter::takes_all")]
    pub filter: Filter,
    /// Where to go on. Default: with the next event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// Whether to send the levels of all lines first. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub levels: bool,
    /// Whether to send how each part of the agent is. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub status: bool,
    /// Whether to send events at all. Default: true. A client that only gives orders says false.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub events: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            protocol: None,
            token: None,
            filter: Filter::default(),
            resume: None,
            levels: false,
            status: false,
            events: true,
        }
    }
}

/// Which events to send: those that fit every key. An empty list fits all. A key that the agent does not know is refused,
/// not ignored: the client would get events that it did not ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Sources by name: `manual`, `timer`, `gpio`, `gesture`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<String>,
    /// Kinds by name: `trigger`, `tick`, `rising`, `falling`, `removed`, `added`, `level`, `click`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kind: Vec<String>,
    /// Lines by number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub line: Vec<u32>,
    /// Lines by label.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub label: Vec<String>,
}

impl Filter {
    /// Whether the filter lets every event through.
    pub fn takes_all(&self) -> bool {
        *self == Self::default()
    }
}

/// The last event that a client has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The session of that event, from [`Hello`](crate::Hello) or [`Session`](crate::Session).
    pub session: String,
    /// Its number; 0 is before the first.
    pub event: u64,
}

/// A line after the first, or the first of a client that needs no request: something to do.
///
/// Orders are carried out one after another, and each is answered in turn by `done` or `error`. So is any other line
/// after the first. Needs the role `control`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What to do.
    pub order: Action,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Queue one event of the driver's.
    Trigger,
    /// Start the driver's timer.
    StartTimer {
        /// Its period in milliseconds, 1 to 3600000. Default: the driver's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        period_ms: Option<u32>,
    },
    /// Stop the driver's timer.
    StopTimer,
    /// Switch an output of the agent's.
    Output(Output),
}

/// An output and what to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Output {
    /// Set it active or inactive.
    Set {
        /// Its name.
        name: String,
        /// Whether it is to be active.
        active: bool,
    },
    /// Turn it round.
    Toggle {
        /// Its name.
        name: String,
    },
    /// Set it active for a time.
    Pulse {
        /// Its name.
        name: String,
        /// For how long, in milliseconds, 1 to 3600000.
        ms: u32,
    },
}
