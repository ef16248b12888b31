// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which events an output or a rule reacts to.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Unexpected, Visitor},
};

use super::Filter;
use crate::{
    event::{Event, Kind, Source},
    section::table::Table,
};

/// Which events an output or a rule reacts to: those that match every given key.
///
/// Events of kind `level` match only if `kind` names them: nothing changed at that moment. Events of gestures and the
/// watchdog are derived from others, so they match only if `kind` or `source` names them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct When {
    filter: Filter,
    names_kinds: bool,
    names_sources: bool,
}

impl When {
    /// Whether it matches this event.
    pub fn takes(&self, event: &Event) -> bool {
        let is_meant = self.names_kinds
            || event.reading.kind != Kind::LEVEL
                && (self.names_sources || !event.reading.source.is_derived());
        is_meant && self.filter.takes(event)
    }
}

impl Table for When {
    const EXPECTED: &str = r#"a table such as { label = "button", kind = "rising" }"#;
}

/// The keys as written in the configuration.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    #[serde(deserialize_with = "sources")]
    source: Vec<Source>,
    #[serde(deserialize_with = "kinds")]
    kind: Vec<Kind>,
    #[serde(deserialize_with = "lines")]
    line: Vec<u32>,
    #[serde(deserialize_with = "labels")]
    label: Vec<String>,
}

impl TryFrom<Keys> for When {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        Self::new(keys.source, keys.kind, keys.line, keys.label)
    }
}

impl When {
    /// Compiles it; an empty list matches all.
    ///
    /// # Errors
    ///
    /// No event can match.
    pub(crate) fn new(
        sources: Vec<Source>,
        kinds: Vec<Kind>,
        lines: Vec<u32>,
        labels: Vec<String>,
    ) -> Result<Self, String> {
        // A condition that no event can meet is a mistake.
        for kind in &kinds {
            let right = kind.source();
            let right = right.filter(|right| !sources.is_empty() && !sources.contains(right));
            if let Some(right) = right {
                return Err(format!(
                    "`kind` {} never has such a `source`, expected `source` {}",
                    kind.name(),
                    right.name()
                ));
            }
        }
        let of_kinds = kinds.iter().filter_map(|kind| kind.source());
        let mut named = sources.iter().copied().chain(of_kinds);
        let without_lines = named.find(|source| !source.has_lines());
        if let Some(source) = without_lines {
            if !(lines.is_empty() && labels.is_empty()) {
                return Err(format!(
                    "events of `source` {} have no `line` or `label`: use a separate section for them",
                    source.name()
                ));
            }
        }
        Ok(Self {
            names_kinds: !kinds.is_empty(),
            names_sources: !sources.is_empty(),
            filter: Filter::of(sources, kinds, lines, labels),
        })
    }
}

pub(crate) fn sources<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Source>, D::Error> {
    one_or_more(deserializer, Source::from_name, |f| {
        names(f, Source::names())
    })
}

pub(crate) fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Kind>, D::Error> {
    one_or_more(deserializer, Kind::from_name, |f| names(f, Kind::names()))
}

pub(crate) fn labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let parse = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    one_or_more(deserializer, parse, |f| f.write_str("the label of a line"))
}

fn names(f: &mut fmt::Formatter<'_>, names: impl Iterator<Item = &'static str>) -> fmt::Result {
    f.write_str("one of")?;
    for (index, name) in names.enumerate() {
        let before = if index == 0 { " " } else { ", " };
        write!(f, "{before}\"{name}\"")?;
    }
    Ok(())
}

/// A word accepted by `parse`, or an array of such words.
fn one_or_more<'de, D, T>(
    deserializer: D,
    parse: impl Fn(&str) -> Option<T>,
    expected: impl Fn(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
{
    struct OneOrMore<P, X>(P, X);

    impl<'de, T, P, X> Visitor<'de> for OneOrMore<P, X>
    where
        P: Fn(&str) -> Option<T>,
        X: Fn(&mut fmt::Formatter<'_>) -> fmt::Result,
    {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.1(f)?;
            f.write_str(", or an array of such")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
            match self.0(text) {
                Some(value) => Ok(vec![value]),
                None => Err(E::invalid_value(Unexpected::Str(text), &self)),
            }
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
            let mut values = Vec::new();
            while let Some(text) = elements.next_element::<String>()? {
                match self.0(&text) {
                    Some(value) => values.push(value),
                    None => return Err(A::Error::invalid_value(Unexpected::Str(&text), &self)),
                }
            }
            if values.is_empty() {
                return Err(A::Error::invalid_length(0, &self));
            }
            Ok(values)
        }
    }

    deserializer.deserialize_any(OneOrMore(parse, expected))
}

/// The number of a line, or an array of such.
pub(crate) fn lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    struct Lines;

    /// The highest number that a line has.
    const LAST: u32 = 1023;

    fn number<E: Error>(number: i64) -> Result<u32, E> {
        u32::try_from(number)
            .ok()
            .filter(|number| *number <= LAST)
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &Lines))
    }

    impl<'de> Visitor<'de> for Lines {
        type Value = Vec<u32>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a whole number from 0 to {LAST}, or an array of such")
        }

        fn visit_i64<E: Error>(self, line: i64) -> Result<Vec<u32>, E> {
            Ok(vec![number(line)?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<u32>, A::Error> {
            let mut lines = Vec::new();
            while let Some(line) = elements.next_element()? {
                lines.push(number(line)?);
            }
            if lines.is_empty() {
                return Err(A::Error::invalid_length(0, &self));
            }
            Ok(lines)
        }
    }

    deserializer.deserialize_any(Lines)
}
