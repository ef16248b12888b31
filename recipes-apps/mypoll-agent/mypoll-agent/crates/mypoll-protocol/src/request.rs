// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests and orders from a client.

use serde::{Deserialize, Serialize};

/// The first line of a client: what to send. All keys are optional.
///
/// The agent waits 200 ms for its first byte. A later request is still accepted, but events may precede its
/// [`Hello`](crate::Hello): ignore them. A line has at most 16 KiB and must be complete within 10 s. Blank lines are
/// ignored. A client that shuts down its sending side may still read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The version of the protocol that the client speaks. Default: the agent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u32>,
    /// The secret of a token, if the listener requires one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Which events to send. Default: all.
    #[serde(skip_serializing_if = "Filter::takes_all")]
    pub filter: Filter,
    /// The event to resume after. Default: resume with the next event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// Whether to send the levels of all lines first. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub levels: bool,
    /// Whether to send the state of each part of the agent. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub status: bool,
    /// Whether to send events. Default: true. A client that only sends orders sets it to false.
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

/// Which events to send: those that match every key. An empty list matches all. Unknown keys are refused rather than
/// ignored, so that the client gets no events that it did not ask for.
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
    /// Whether every event matches.
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

/// An order: any line after the first, or the first line of a client that needs no request.
///
/// Orders run one after another; each is answered by `done` or `error`, in order. So is any other line after the
/// first. Needs the role `control`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The action to carry out.
    pub order: Action,
}

/// The action to carry out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Queue one event of the driver.
    Trigger,
    /// Start the driver's timer.
    StartTimer {
        /// Its period in milliseconds, 1 to 3600000. Default: the driver's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        period_ms: Option<u32>,
    },
    /// Stop the driver's timer.
    StopTimer,
    /// Switch an output of the agent.
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
        /// Whether to make it active.
        active: bool,
    },
    /// Invert it.
    Toggle {
        /// Its name.
        name: String,
    },
    /// Set it active for a while.
    Pulse {
        /// Its name.
        name: String,
        /// For how long, in milliseconds, 1 to 3600000.
        ms: u32,
    },
}
