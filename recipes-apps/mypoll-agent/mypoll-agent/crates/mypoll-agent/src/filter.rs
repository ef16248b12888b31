// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which events a client gets, and which an output or a rule reacts to.

mod when;

use std::cmp::Ordering;

use mypoll_protocol as protocol;

use crate::{
    event::{Event, Kind, Source},
    quote::quote,
};
pub use when::When;
pub(crate) use when::{kinds, labels, lines, sources};

/// A client's filter, compiled. An empty list matches all. The lists are sorted: a client may send long ones, and every
/// event is looked up in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    sources: Vec<Source>,
    kinds: Vec<Kind>,
    lines: Vec<u32>,
    labels: Vec<String>,
}

/// Sorted, without duplicates.
fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

impl Filter {
    /// Compiles a client's filter.
    ///
    /// # Errors
    ///
    /// It has a name that no event can have; the message lists the valid ones.
    pub fn new(filter: protocol::Filter) -> Result<Self, String> {
        let unknown = |what, name: &str, names: Vec<&str>| {
            format!(
                "no {what} `{}`; there are: {}, and `{what}-N` for number N of a later driver",
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
        Ok(Self::of(
            filter.source.iter().map(source).collect::<Result<_, _>>()?,
            filter.kind.iter().map(kind).collect::<Result<_, _>>()?,
            filter.line,
            filter.label,
        ))
    }

    /// Matches events that are in all of these lists; an empty list matches all.
    pub fn of(
        sources: Vec<Source>,
        kinds: Vec<Kind>,
        lines: Vec<u32>,
        labels: Vec<String>,
    ) -> Self {
        Self {
            sources: sorted(sources),
            kinds: sorted(kinds),
            lines: sorted(lines),
            labels: sorted(labels),
        }
    }

    /// Whether it matches every event.
    pub fn takes_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it matches this event.
    pub fn takes(&self, event: &Event) -> bool {
        fn fits<T>(list: &[T], compare: impl FnMut(&T) -> Ordering) -> bool {
            list.is_empty() || list.binary_search_by(compare).is_ok()
        }
        let reading = &event.reading;
        fits(&self.sources, |source| source.cmp(&reading.source))
            && fits(&self.kinds, |kind| kind.cmp(&reading.kind))
            && (self.lines.is_empty()
                || reading.source.has_lines() && fits(&self.lines, |line| line.cmp(&reading.line)))
            && (self.labels.is_empty()
                || event
                    .label
                    .as_deref()
                    .is_some_and(|label| fits(&self.labels, |wanted| wanted.as_str().cmp(label))))
    }
}
