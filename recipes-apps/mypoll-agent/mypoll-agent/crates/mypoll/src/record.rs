// SPDX-License-Identifier: MIT OR Apache-2.0
//! An event as one JSON object.

use serde::Serialize;

use crate::{Event, Kind, Lines, Source};

/// An event with the label of its line, as the network and `mypollctl monitor --json` have it.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let lines: mypoll::Lines = "line=1 label=door".parse()?;
/// let event = "event=26 source=gpio kind=rising line=1 value=1 lost=0 timestamp_ns=48213377104".parse()?;
/// assert_eq!(
///     serde_json::to_string(&mypoll::Record::new(&event, &lines))?,
///     r#"{"event":26,"source":"gpio","kind":"rising","line":1,"label":"door","value":1,"lost":0,"timestamp_ns":48213377104}"#
/// );
/// # Ok(())
/// # }
/// ```
// The order of the fields is the order of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Record<'a> {
    event: u32,
    source: Source,
    kind: Kind,
    line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    value: u32,
    lost: u32,
    timestamp_ns: u64,
}

impl<'a> Record<'a> {
    /// `event`, with its label from `lines`.
    pub fn new(event: &Event, lines: &'a Lines) -> Self {
        Self {
            event: event.sequence,
            source: event.source,
            kind: event.kind,
            line: event.line,
            label: lines.label_of(event),
            value: event.value,
            lost: event.lost,
            timestamp_ns: event.timestamp_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_the_driver_spell_alike_and_no_label_no_key() {
        for (source, kind) in [
            ("manual", "trigger"),
            ("timer", "tick"),
            ("gpio", "rising"),
            ("gpio", "falling"),
            ("gpio", "removed"),
            ("gpio", "added"),
        ] {
            let event =
                format!("event=1 source={source} kind={kind} line=0 value=2 lost=3 timestamp_ns=4")
                    .parse()
                    .unwrap();
            assert_eq!(
                serde_json::to_string(&Record::new(&event, &Lines::default())).unwrap(),
                format!(
                    r#"{{"event":1,"source":"{source}","kind":"{kind}","line":0,"value":2,"lost":3,"timestamp_ns":4}}"#
                )
            );
        }
    }
}
