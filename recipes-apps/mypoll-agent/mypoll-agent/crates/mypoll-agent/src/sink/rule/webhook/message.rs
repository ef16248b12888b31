// SPDX-License-Identifier: MIT OR Apache-2.0
//! The request: an event as JSON, by itself or as a CloudEvent.

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use super::{Occurrence, Rule, config::Format};
use crate::{percent, sink::rule::occurrence::Body};

/// Headers and body of a request.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// An event in CloudEvents' JSON format.
#[derive(Serialize)]
struct Structured<'a> {
    #[serde(flatten)]
    attributes: Attributes,
    datacontenttype: &'static str,
    data: &'a Body<'a>,
}

/// The attributes of a CloudEvent, and the extension `sequence`.
#[derive(Serialize)]
struct Attributes {
    specversion: &'static str,
    id: String,
    source: String,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: String,
    /// Padded, because it is compared as text.
    sequence: String,
}

impl Message {
    pub(super) fn new(format: Format, rule: &Rule, occurrence: &Occurrence) -> Self {
        let body = occurrence.body(rule);
        let mut headers = HeaderMap::new();
        let (content_type, body) = match format {
            Format::Json => ("application/json", body.json()),
            Format::CloudEventsBinary => {
                Attributes::new(rule, occurrence, &body).write(&mut headers);
                ("application/json", body.json())
            }
            Format::CloudEvents => {
                let event = Structured {
                    attributes: Attributes::new(rule, occurrence, &body),
                    datacontenttype: "application/json",
                    data: &body,
                };
                // The types cannot fail.
                let text = serde_json::to_string(&event).unwrap_or_default();
                ("application/cloudevents+json; charset=utf-8", text)
            }
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { headers, body }
    }
}

impl Attributes {
    fn new(rule: &Rule, occurrence: &Occurrence, body: &Body<'_>) -> Self {
        let event = &occurrence.event;
        let subject = match &event.label {
            Some(label) => Some(label.to_string()),
            None if event.reading.source.has_lines() => {
                Some(format!("line-{}", event.reading.line))
            }
            None => None,
        };
        let machine = &rule.context.journal.identity().machine;
        Self {
            specversion: "1.0",
            id: body.id(),
            source: format!(
                "/mypoll/{}",
                percent::encode(machine, |character| character.is_ascii_alphanumeric()
                    || "-._~".contains(character))
            ),
            r#type: format!("mypoll.{}.{}", body.event.source, body.event.kind),
            subject: subject.filter(|subject| !subject.is_empty()),
            time: body.event.time.to_string(),
            sequence: format!("{:016}", event.sequence),
        }
    }

    /// Writes them as headers, escaped as in the HTTP binding.
    fn write(self, headers: &mut HeaderMap) {
        let attributes = [
            ("ce-specversion", Some(self.specversion.to_owned())),
            ("ce-id", Some(self.id)),
            ("ce-source", Some(self.source)),
            ("ce-type", Some(self.r#type)),
            ("ce-subject", self.subject),
            ("ce-time", Some(self.time)),
            ("ce-sequence", Some(self.sequence)),
        ];
        let is_plain = |character: char| character.is_ascii_graphic() && !"\"%".contains(character);
        for (name, value) in attributes {
            let value = value.map(|value| percent::encode(&value, is_plain));
            // Only visible ASCII is left.
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}
