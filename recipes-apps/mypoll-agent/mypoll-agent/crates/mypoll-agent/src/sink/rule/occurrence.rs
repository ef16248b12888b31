// SPDX-License-Identifier: MIT OR Apache-2.0
//! An event matched by a rule, with the agent's identity.

use std::sync::Arc;

use mypoll_protocol as protocol;
use serde::Serialize;

use super::Rule;
use crate::{event::Event, journal::Era};

/// An event of an era.
#[derive(Clone, Debug)]
pub(super) struct Occurrence {
    pub(super) event: Event,
    pub(super) era: Arc<Era>,
}

/// The format for programs and servers: the clients' format with the agent's identity.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    rule: &'a str,
    machine: &'a str,
    boot: &'a str,
    session: String,
    #[serde(flatten)]
    pub(super) event: protocol::Event<'a>,
}

impl Occurrence {
    pub(super) fn body<'a>(&'a self, rule: &'a Rule) -> Body<'a> {
        Body {
            rule: &rule.name,
            machine: &rule.context.journal.identity().machine,
            boot: &self.era.boot,
            session: self.era.session.to_string(),
            event: self.event.to_protocol(),
        }
    }
}

impl Body<'_> {
    /// A JSON line, without a newline.
    pub(super) fn json(&self) -> String {
        // The types cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// An identifier that is unique on the machine.
    pub(super) fn id(&self) -> String {
        format!("{}-{}", self.session, self.event.event)
    }

    /// A value by its JSON name; empty if missing.
    pub(super) fn value(&self, field: Field) -> String {
        match field {
            Field::Json => self.json(),
            Field::Rule => self.rule.to_owned(),
            Field::Machine => self.machine.to_owned(),
            Field::Boot => self.boot.to_owned(),
            Field::Session => self.session.clone(),
            Field::Event => self.event.event.to_string(),
            Field::Source => self.event.source.to_string(),
            Field::Kind => self.event.kind.to_string(),
            Field::Line => self.event.line.to_string(),
            Field::Label => self.event.label.as_deref().unwrap_or_default().to_owned(),
            Field::Value => self.event.value.to_string(),
            Field::Lost => self.event.lost.to_string(),
            Field::Time => self.event.time.to_string(),
            Field::Clock => self.event.clock.as_deref().unwrap_or_default().to_owned(),
            Field::TimestampNs => self.event.timestamp_ns.to_string(),
        }
    }
}

/// A value of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// The whole event.
    Json,
    Rule,
    Machine,
    Boot,
    Session,
    Event,
    Source,
    Kind,
    Line,
    Label,
    Value,
    Lost,
    Time,
    Clock,
    TimestampNs,
}

impl Field {
    /// All values with their names.
    pub(super) const ALL: [(&str, Self); 15] = [
        ("event", Self::Event),
        ("source", Self::Source),
        ("kind", Self::Kind),
        ("line", Self::Line),
        ("label", Self::Label),
        ("value", Self::Value),
        ("lost", Self::Lost),
        ("time", Self::Time),
        ("clock", Self::Clock),
        ("timestamp_ns", Self::TimestampNs),
        ("rule", Self::Rule),
        ("machine", Self::Machine),
        ("boot", Self::Boot),
        ("session", Self::Session),
        ("json", Self::Json),
    ];

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, field)| *field)
    }
}
