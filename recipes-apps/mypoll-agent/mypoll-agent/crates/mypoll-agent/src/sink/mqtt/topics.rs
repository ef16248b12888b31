// SPDX-License-Identifier: MIT OR Apache-2.0
//! Topics, as templates.

use std::{fmt::Write as _, marker::PhantomData, sync::Arc};

use serde::{Deserialize, Deserializer, de};

use crate::{event::Event, lines::Line, percent, quote::quote, section::table::Table};

/// The longest template, in bytes. With the longest label it stays below MQTT's limit.
const LONGEST: usize = 1024;

/// Retained payload of the availability topic.
pub(super) const ONLINE: &str = "online";
pub(super) const OFFLINE: &str = "offline";

/// The use of a template: its allowed and required placeholders.
pub trait Purpose {
    /// The allowed placeholders.
    const MAY: &'static [Placeholder];
    /// Placeholders of which at least one is required; empty if none is.
    const NEEDS: &'static [Placeholder] = &[];
}

/// A placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The name of the machine.
    Machine,
    /// The label of the line, or its number; the source of events without a line.
    Label,
    /// The number of the line.
    Line,
    /// The source of the event.
    Source,
    /// The kind of the event.
    Kind,
    /// The name of the output.
    Output,
}

/// A topic with placeholders.
#[derive(Clone, Debug, PartialEq)]
pub struct Template<P> {
    text: String,
    parts: Vec<Part>,
    purpose: PhantomData<P>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Placeholder(Placeholder),
}

macro_rules! purposes {
    ($($(#[doc = $doc:literal])* $Purpose:ident: [$($may:ident),*] $(needs [$($needs:ident),*])?,)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Purpose;

        impl Purpose for $Purpose {
            const MAY: &'static [Placeholder] = &[Placeholder::Machine, $(Placeholder::$may),*];
            $(const NEEDS: &'static [Placeholder] = &[$(Placeholder::$needs),*];)?
        }
    )*};
}

purposes! {
    /// Events.
    OfEvent: [Label, Line, Source, Kind],
    /// The level of a line.
    OfLevel: [Label, Line] needs [Label, Line],
    /// The state of an output.
    OfOutput: [Output] needs [Output],
    /// A topic that exists once per agent.
    OfAgent: [],
}

/// `[mqtt.topics]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Topics {
    /// Events.
    pub event: Template<OfEvent>,
    /// How many events are missing.
    pub missed: Template<OfAgent>,
    /// The levels of lines, retained.
    pub level: Template<OfLevel>,
    /// The states of outputs, retained; with `/set` appended, orders to them.
    pub output: Template<OfOutput>,
    /// With `/set` appended, orders to the driver.
    pub driver: Template<OfAgent>,
    /// Whether the agent is online, retained.
    pub availability: Template<OfAgent>,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            event: Template::literal("mypoll/{machine}/event/{label}"),
            missed: Template::literal("mypoll/{machine}/missed"),
            level: Template::literal("mypoll/{machine}/level/{label}"),
            output: Template::literal("mypoll/{machine}/output/{output}"),
            driver: Template::literal("mypoll/{machine}/driver"),
            availability: Template::literal("mypoll/{machine}/availability"),
        }
    }
}

impl Table for Topics {
    const EXPECTED: &str = r#"a table such as { event = "mypoll/{machine}/event/{label}" }"#;
}

impl Topics {
    /// Checks that messages of different meanings have different topics.
    pub(super) fn are_distinct(&self) -> Result<(), String> {
        let all = [
            ("event", &self.event.text),
            ("missed", &self.missed.text),
            ("level", &self.level.text),
            ("output", &self.output.text),
            ("driver", &self.driver.text),
            ("availability", &self.availability.text),
        ];
        for (index, (name, text)) in all.iter().enumerate() {
            if let Some((other, _)) = all[..index].iter().find(|(_, other)| other == text) {
                return Err(format!(
                    "topics.{name} is the same as topics.{other}, `{text}`, expected different topics"
                ));
            }
        }
        Ok(())
    }
}

impl Placeholder {
    const ALL: [(&str, Self); 6] = [
        ("machine", Self::Machine),
        ("label", Self::Label),
        ("line", Self::Line),
        ("source", Self::Source),
        ("kind", Self::Kind),
        ("output", Self::Output),
    ];

    fn named(name: &str) -> Option<Self> {
        let all = Self::ALL.iter();
        let mut found = all.filter(|(known, _)| *known == name);
        found.next().map(|(_, placeholder)| *placeholder)
    }

    fn names(list: &[Self]) -> String {
        let named = Self::ALL.iter().filter(|(_, found)| list.contains(found));
        let names: Vec<_> = named.map(|(name, _)| format!("{{{name}}}")).collect();
        names.join(", ")
    }
}

impl<P: Purpose> Template<P> {
    /// A template in the program; a test parses it.
    fn literal(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self {
            text: text.to_owned(),
            parts: Vec::new(),
            purpose: PhantomData,
        })
    }

    /// Parses a template.
    ///
    /// # Errors
    ///
    /// It is not a valid topic; the message says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("the topic `{}` {what}", quote(text)));
        if text.is_empty() {
            return Err("a topic is empty, expected one such as `mypoll/{machine}`".to_owned());
        }
        if text.len() > LONGEST {
            return wrong(&format!("is longer than {LONGEST} bytes"));
        }
        if text.starts_with('$') {
            return wrong("starts with `$`, which is reserved for the broker");
        }
        if let Some(wildcard) = text.chars().find(|c| ['+', '#'].contains(c)) {
            return wrong(&format!(
                "has the wildcard `{wildcard}`, expected one without: messages are published to one topic"
            ));
        }
        if text.contains(char::is_control) {
            return wrong("has a control character, expected one without");
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(['{', '}']) {
            if rest.as_bytes()[before.len()] == b'}' {
                return wrong("has a `}` without a `{` before it");
            }
            let Some((name, after)) = behind.split_once('}') else {
                return wrong("has a `{` without a `}` after it");
            };
            match Placeholder::named(name).filter(|found| P::MAY.contains(found)) {
                Some(placeholder) => {
                    if !before.is_empty() {
                        parts.push(Part::Text(before.to_owned()));
                    }
                    parts.push(Part::Placeholder(placeholder));
                }
                None => {
                    return wrong(&format!(
                        "has the placeholder `{{{}}}`, expected one of {}",
                        quote(name),
                        Placeholder::names(P::MAY)
                    ));
                }
            }
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let has = |needed: &Placeholder| parts.contains(&Part::Placeholder(*needed));
        if !P::NEEDS.is_empty() && !P::NEEDS.iter().any(has) {
            return wrong(&format!(
                "has none of {}, so that all would share one topic",
                Placeholder::names(P::NEEDS)
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
            purpose: PhantomData,
        })
    }

    /// The topic, with each placeholder replaced by what `value` writes.
    fn fill(&self, value: impl Fn(Placeholder, &mut String)) -> Arc<str> {
        let mut topic = String::new();
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => topic.push_str(text),
                Part::Placeholder(placeholder) => {
                    filled.clear();
                    value(*placeholder, &mut filled);
                    escape(&filled, &mut topic);
                }
            }
        }
        topic.into()
    }
}

/// Writes a value as one level of a topic without wildcards; uses percent-encoding.
pub(super) fn escape(value: &str, topic: &mut String) {
    // `$` is special only at the start of a topic.
    let mut begins = topic.is_empty();
    let is_plain = |character: char| {
        let is_first = std::mem::take(&mut begins);
        !(matches!(character, '/' | '+' | '#' | '%')
            || character.is_control()
            || is_first && character == '$')
    };
    topic.push_str(&percent::encode(value, is_plain));
}

impl Template<OfAgent> {
    pub(super) fn of(&self, machine: &str) -> Arc<str> {
        self.fill(|_, value| value.push_str(machine))
    }
}

impl Template<OfEvent> {
    pub(in crate::sink) fn of(&self, machine: &str, event: &Event) -> Arc<str> {
        let reading = &event.reading;
        self.fill(|placeholder, value| match placeholder {
            Placeholder::Label => match &event.label {
                Some(label) => value.push_str(label),
                None if !reading.source.has_lines() => {
                    value.push_str(&reading.source.name());
                }
                None => _ = write!(value, "{}", reading.line),
            },
            Placeholder::Line => _ = write!(value, "{}", reading.line),
            Placeholder::Source => value.push_str(&reading.source.name()),
            Placeholder::Kind => value.push_str(&reading.kind.name()),
            Placeholder::Machine | Placeholder::Output => value.push_str(machine),
        })
    }

    /// The topic of all events of a line, if they share one.
    pub(super) fn of_line(&self, machine: &str, line: &Line) -> Arc<str> {
        self.fill(|placeholder, value| match placeholder {
            Placeholder::Label => label_of(line, value),
            Placeholder::Line => _ = write!(value, "{}", line.number),
            _ => value.push_str(machine),
        })
    }

    /// Whether all events of a line have the same topic.
    pub(super) fn has_one_for_a_line(&self) -> bool {
        let kind = [Placeholder::Kind, Placeholder::Source].map(Part::Placeholder);
        !self.parts.iter().any(|part| kind.contains(part))
    }
}

impl Template<OfLevel> {
    pub(super) fn of(&self, machine: &str, line: &Line) -> Arc<str> {
        self.fill(|placeholder, value| match placeholder {
            Placeholder::Label => label_of(line, value),
            Placeholder::Line => _ = write!(value, "{}", line.number),
            _ => value.push_str(machine),
        })
    }
}

impl Template<OfOutput> {
    pub(super) fn of(&self, machine: &str, output: &str) -> Arc<str> {
        self.fill(|placeholder, value| match placeholder {
            Placeholder::Output => value.push_str(output),
            _ => value.push_str(machine),
        })
    }
}

fn label_of(line: &Line, value: &mut String) {
    match &line.label {
        Some(label) => value.push_str(label),
        None => _ = write!(value, "{}", line.number),
    }
}

impl<'de, P: Purpose> Deserialize<'de> for Template<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
