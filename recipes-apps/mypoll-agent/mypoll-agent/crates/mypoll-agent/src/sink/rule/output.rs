// SPDX-License-Identifier: MIT OR Apache-2.0
//! The action `output`: an order to an output of the agent.

use std::time::Duration;

use mypoll_protocol::{Action, Output};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{Occurrence, Rule, queue};
use crate::section::{table::Table, value};

/// The longest pulse of an output.
const LONGEST_PULSE: Duration = Duration::from_secs(3600);

/// Maximum number of waiting events; further ones are dropped.
const QUEUE: usize = 64;

/// The order to an output.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Order(pub Output);

impl Table for Order {
    const EXPECTED: &str = r#"a table such as { name = "lamp", toggle = true }"#;
}

/// `output` as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    name: String,
    active: Option<bool>,
    toggle: Option<bool>,
    #[serde(default, deserialize_with = "pulse")]
    pulse: Option<u32>,
}

fn pulse<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let expected = r#"a duration of whole milliseconds such as "500ms", from "1ms" to "1h""#;
    value::parsed(deserializer, expected, |text| {
        let pulse = value::not_too_long(text).filter(|pulse| *pulse <= LONGEST_PULSE)?;
        let is_whole = pulse.subsec_nanos() % 1_000_000 == 0;
        let ms = pulse.as_millis().try_into().ok()?;
        (is_whole && ms > 0).then_some(ms)
    })
    .map(Some)
}

impl TryFrom<Keys> for Order {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let name = keys.name;
        match (keys.active, keys.toggle, keys.pulse) {
            (Some(active), None, None) => Ok(Self(Output::Set { name, active })),
            (None, Some(true), None) => Ok(Self(Output::Toggle { name })),
            (None, None, Some(ms)) => Ok(Self(Output::Pulse { name, ms })),
            _ => Err(
                "expected one of `active = true`, `active = false`, `toggle = true` and `pulse = \"500ms\"`",
            ),
        }
    }
}

impl Order {
    /// The output's name.
    pub(super) fn name(&self) -> &str {
        match &self.0 {
            Output::Set { name, .. } | Output::Toggle { name } | Output::Pulse { name, .. } => name,
        }
    }
}

pub(super) async fn run(rule: Rule, order: Order, stop: CancellationToken) {
    let commands = rule.context.commands.clone();
    let act = move |_: &Occurrence, _: &Rule| {
        let (commands, action) = (commands.clone(), Action::Output(order.0.clone()));
        async move {
            let outcome = commands.order(action).await;
            outcome.map_err(|refused| refused.to_string())
        }
    };
    // One at a time, so that the last order determines the output's state.
    queue::run(
        rule,
        queue::Bounds {
            queue: QUEUE,
            parallel: 1,
        },
        act,
        stop,
    )
    .await;
}
