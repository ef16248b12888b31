// SPDX-License-Identifier: MIT OR Apache-2.0
//! Home Assistant's MQTT discovery: one retained message that lists the entities of this machine.
//!
//! Each line is a binary sensor (its level) and an event entity (its edges and gestures), each output a switch.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Config, HomeAssistant, topics};
use crate::{
    command::{Control, Shown},
    event::Kind,
    lines::Line,
};

/// The kinds of events of an event entity.
const KINDS: [Kind; 9] = [
    Kind::RISING,
    Kind::FALLING,
    Kind::CLICK,
    Kind::DOUBLE_CLICK,
    Kind::TRIPLE_CLICK,
    Kind::LONG_PRESS,
    Kind::REPEAT,
    Kind::RELEASE,
    Kind::CHORD,
];

/// The machine as announced to Home Assistant.
pub(super) struct Announcement {
    prefix: String,
    /// The name of the device.
    name: String,
    /// Prefix of the identifiers.
    id: String,
    machine: String,
    config: Config,
    /// The platforms of the announced entities, by their keys.
    announced: BTreeMap<String, &'static str>,
    payload: Bytes,
}

impl Announcement {
    pub(super) fn new(home_assistant: &HomeAssistant, config: &Config, machine: &str) -> Self {
        let name = home_assistant.name.clone();
        Self {
            prefix: home_assistant.prefix.clone(),
            name: name.unwrap_or_else(|| format!("mypoll {machine}")),
            id: format!("mypoll-{}", slug(machine)),
            machine: machine.to_owned(),
            config: config.clone(),
            announced: BTreeMap::new(),
            payload: Bytes::new(),
        }
    }

    /// The topic of the announcement.
    pub(super) fn topic(&self) -> Arc<str> {
        format!("{}/device/{}/config", self.prefix, self.id).into()
    }

    /// The topic on which Home Assistant reports that it has started.
    pub(super) fn status_topic(&self) -> Arc<str> {
        format!("{}/status", self.prefix).into()
    }

    /// The announcement, if it has changed.
    pub(super) fn renew(&mut self, lines: &[Line], outputs: &Shown) -> Option<Bytes> {
        let mut entities = Map::new();
        for line in lines {
            let key = line.label.as_ref().map_or_else(
                || format!("line-{}", line.number),
                |label| format!("label-{}", slug(label)),
            );
            entities.insert(format!("{key}-level"), self.level(line, &key));
            entities.insert(format!("{key}-event"), self.event(line, &key));
        }
        for output in outputs.keys() {
            let key = format!("output-{}", slug(output));
            entities.insert(key.clone(), self.output(output, &key));
        }
        let platforms: BTreeMap<_, _> = entities
            .keys()
            .map(|key| {
                let platform = match key.rsplit('-').next() {
                    _ if key.starts_with("output-") => "switch",
                    Some("level") => "binary_sensor",
                    _ => "event",
                };
                (key.clone(), platform)
            })
            .collect();
        // To remove an entity, announce only its platform.
        for (key, platform) in &self.announced {
            if !entities.contains_key(key) {
                entities.insert(key.clone(), json!({"platform": platform}));
            }
        }
        self.announced.extend(platforms);
        let announcement = json!({
            "device": {
                "identifiers": [self.id],
                "name": self.name,
                "manufacturer": "mypoll",
                "model": "mypoll-agent",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
            "origin": {
                "name": "mypoll-agent",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
            "availability": [{
                "topic": &*self.config.topics.availability.of(&self.machine),
                "payload_available": topics::ONLINE,
                "payload_not_available": topics::OFFLINE,
            }],
            "qos": 1,
            "components": entities,
        });
        let payload = Bytes::from(announcement.to_string());
        if entities_are_none(&announcement) || payload == self.payload {
            return None;
        }
        self.payload = payload.clone();
        Some(payload)
    }

    fn name_of(line: &Line) -> String {
        match &line.label {
            Some(label) => label.to_string(),
            None => format!("line {}", line.number),
        }
    }

    fn level(&self, line: &Line, key: &str) -> Value {
        json!({
            "platform": "binary_sensor",
            "unique_id": format!("{}-{key}-level", self.id),
            "name": Self::name_of(line),
            "state_topic": &*self.config.topics.level.of(&self.machine, line),
            "payload_on": "on",
            "payload_off": "off",
        })
    }

    fn event(&self, line: &Line, key: &str) -> Value {
        let types = KINDS.map(Kind::name);
        let list = types.each_ref().map(|name| format!("'{name}'")).join(",");
        json!({
            "platform": "event",
            "unique_id": format!("{}-{key}-event", self.id),
            "name": Self::name_of(line),
            "device_class": "button",
            "state_topic": &*self.config.topics.event.of_line(&self.machine, line),
            "event_types": types,
            // Home Assistant ignores events with an empty payload: levels that were read again, for example.
            "value_template": format!(
                "{{% if value_json.kind in [{list}] and value_json.line == {} %}}\
                 {{{{ {{'event_type': value_json.kind, 'event': value_json.event, 'session': value_json.session, \
                 'value': value_json.value, 'time': value_json.time}} | tojson }}}}{{% endif %}}",
                line.number
            ),
        })
    }

    fn output(&self, output: &str, key: &str) -> Value {
        let topic = self.config.topics.output.of(&self.machine, output);
        let mut entity = json!({
            "platform": "switch",
            "unique_id": format!("{}-{key}", self.id),
            "name": output,
            "state_topic": &*topic,
            "command_topic": format!("{topic}/set"),
            "payload_on": "on",
            "payload_off": "off",
        });
        if !self.config.orders.contains(&Control::Output) {
            // Displayed, but not switchable.
            entity["platform"] = "binary_sensor".into();
            if let Some(entity) = entity.as_object_mut() {
                entity.remove("command_topic");
            }
        }
        entity
    }
}

fn entities_are_none(announcement: &Value) -> bool {
    let entities = announcement["components"].as_object();
    entities.is_none_or(Map::is_empty)
}

/// Encodes a text uniquely with letters, digits, `-` and `_`.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            slug.push(byte.into());
        } else {
            // Writing to a string can't fail.
            let _ = write!(slug, "_{byte:02x}");
        }
    }
    slug
}
