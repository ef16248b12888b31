// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which events a client gets.

use mypoll_protocol as protocol;

use crate::{
    event::{Event, Kind, Source},
    quote::quote,
};

/// A client's filter, compiled. An empty list takes all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    sources: Vec<Source>,
    kinds: Vec<Kind>,
    lines: Vec<u32>,
    labels: Vec<String>,
}

impl Filter {
    /// From what a client wrote.
    ///
    /// # Errors
    ///
    /// A name that no event can have, with those that there are.
    pub fn new(filter: protocol::Filter) -> Result<Self, String> {
        let unknown = |what, name: &str, names: Vec<&str>| {
            format!(
                "there is no {what} `{}`; there are: {}, and `{what}-N` for the number N of a later driver",
                quote(name),
                names.join(", ")
            )
        };
        let source = |name: &String| {
            Source::from_name(name)
                .ok_or_else(|| unknown("source", name, Source::names().collect()))
        };
        let kind = |name: &String| {
            Kind::from_name(name).ok_or_else(|| unknown("kind", name, Kind::names().collect()))
        };
        Ok(Self {
            sources: filter.source.iter().map(source).collect::<Result<_, _>>()?,
            kinds: filter.kind.iter().map(kind).collect::<Result<_, _>>()?,
            lines: filter.line,
            labels: filter.label,
        })
    }

    /// Whether it takes every event.
    pub fn takes_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it takes this event.
    pub fn takes(&self, event: &Event) -> bool {
        fn fits<T>(list: &[T], is: impl Fn(&T) -> bool) -> bool {
            list.is_empty() || list.iter().any(is)
        }
        let reading = &event.reading;
        // Their events say line 0 without being of it.
        let has_line = !matches!(reading.source, Source::MANUAL | Source::TIMER);
        fits(&self.sources, |source| *source == reading.source)
            && fits(&self.kinds, |kind| *kind == reading.kind)
            && fits(&self.lines, |line| has_line && *line == reading.line)
            && fits(&self.labels, |label| event.label.as_deref() == Some(label))
    }
}
