// SPDX-License-Identifier: MIT OR Apache-2.0
//! The action `mqtt`: publishes a message through one of the agent's MQTT connections.

use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{
    Occurrence, Rule,
    delivery::{self, Deliver, Failure},
};
use crate::{
    section::table::Table,
    sink::mqtt::{OfEvent, Template},
};

/// The longest pause between attempts: the connection has its own, and keeps waiting messages.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The broker and topic to publish to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name of the `[[mqtt]]`. Default: `broker`.
    #[serde(default = "broker")]
    pub name: String,
    /// The topic.
    topic: Template<OfEvent>,
    /// Whether the broker retains the last message. Default: false.
    #[serde(default)]
    retain: bool,
}

fn broker() -> String {
    "broker".to_owned()
}

impl Table for Config {
    const EXPECTED: &str = r#"a table such as { topic = "home/bell/{label}" }"#;
}

struct Publisher(Config);

impl Deliver for Publisher {
    async fn deliver(&mut self, rule: &Rule, occurrence: &Occurrence) -> Result<(), Failure> {
        let Config {
            name,
            topic,
            retain,
        } = &self.0;
        let machine = &rule.context.journal.identity().machine;
        let topic = topic.of(machine, &occurrence.event).to_string();
        let payload = occurrence.body(rule).json().into();
        let published = rule
            .context
            .publishers
            .publish(name, topic, payload, *retain);
        published.await.map_err(|error| Failure::Later {
            reason: error.to_string(),
            after: None,
        })
    }
}

pub(super) async fn run(rule: Rule, config: Config, stop: CancellationToken) {
    delivery::run(rule, Publisher(config), LONGEST_PAUSE, stop).await;
}
