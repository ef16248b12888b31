// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[rule]]`.

use serde::{Deserialize, Deserializer};

#[cfg(feature = "mqtt")]
use super::mqtt;
use super::{exec, output::Order, webhook};
use crate::{
    filter::When,
    section::{
        table::{self, Table},
        value,
    },
    sink::output,
};

/// Maximum number of programs of all rules, so that each rule can always run its own.
const PROGRAMS: usize = 32;

/// `[[rule]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Config {
    /// Its name in the log, in metrics and in the journal: unique.
    pub name: String,
    /// Which events it matches. Default: all but those of kind `level`.
    pub when: When,
    /// The action.
    pub action: Action,
}

/// The action of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Switches an output of the agent.
    Output(Order),
    /// Publishes through an MQTT broker.
    #[cfg(feature = "mqtt")]
    Mqtt(mqtt::Config),
    /// Posts to a server.
    Webhook(webhook::Config),
    /// Runs a program.
    Exec(exec::Config),
}

/// `[[rule]]` as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(deserialize_with = "name")]
    name: String,
    #[serde(default, deserialize_with = "table::table")]
    when: When,
    #[serde(default, deserialize_with = "table::optional")]
    output: Option<Order>,
    #[cfg(feature = "mqtt")]
    #[serde(default, deserialize_with = "table::optional")]
    mqtt: Option<mqtt::Config>,
    #[serde(default, deserialize_with = "table::optional")]
    webhook: Option<webhook::Config>,
    #[serde(default, deserialize_with = "table::optional")]
    exec: Option<exec::Config>,
}

impl TryFrom<Keys> for Config {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let actions = [
            ("output", keys.output.map(Action::Output)),
            #[cfg(feature = "mqtt")]
            ("mqtt", keys.mqtt.map(Action::Mqtt)),
            ("webhook", keys.webhook.map(Action::Webhook)),
            ("exec", keys.exec.map(Action::Exec)),
        ];
        let names = actions
            .each_ref()
            .map(|(name, _)| format!("`{name}`"))
            .join(", ");
        let mut given = actions
            .into_iter()
            .filter_map(|(key, action)| Some((key, action?)));
        match (given.next(), given.next()) {
            (Some((_, action)), None) => Ok(Self {
                name: keys.name,
                when: keys.when,
                action,
            }),
            (Some((one, _)), Some((other, _))) => Err(format!(
                "both `{one}` and `{other}` are given, expected one: add a second rule for the other"
            )),
            (None, _) => Err(format!("no action is given, expected one of {names}")),
        }
    }
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[[rule]]`";

    fn fits(&self, earlier: &[Self]) -> Result<(), String> {
        if let Some(index) = earlier.iter().position(|other| other.name == self.name) {
            return Err(format!(
                "rule[{index}] already has the name `{}`, expected another `name`",
                self.name
            ));
        }
        let programs = |rule: &Self| match &rule.action {
            Action::Exec(exec) => exec.parallel,
            _ => 0,
        };
        let before: usize = earlier.iter().map(programs).sum();
        let all = before + programs(self);
        if all > PROGRAMS && programs(self) > 0 {
            return Err(format!(
                "with this rule {all} programs may run at once, expected at most {PROGRAMS} for all rules: reduce `exec.parallel`"
            ));
        }
        Ok(())
    }
}

impl Config {
    /// Checks that the output or the broker of the rule exists. Returns the key, and the error.
    pub(crate) fn refers(
        &self,
        outputs: &[output::Config],
        #[cfg(feature = "mqtt")] brokers: &[crate::sink::mqtt::Config],
    ) -> Result<(), (&'static str, String)> {
        match &self.action {
            Action::Output(order) => {
                order_to(order.name(), outputs).map_err(|problem| ("output.name", problem))
            }
            #[cfg(feature = "mqtt")]
            Action::Mqtt(mqtt) => {
                let name = &mqtt.name;
                if brokers.iter().any(|broker| broker.name == *name) {
                    return Ok(());
                }
                let there_are = list(brokers.iter().map(|broker| broker.name.as_str()));
                let problem = format!("no [[mqtt]] `{name}`; there are: {there_are}");
                Err(("mqtt.name", problem))
            }
            Action::Webhook(_) | Action::Exec(_) => Ok(()),
        }
    }
}

/// Checks that the output with this name accepts orders.
fn order_to(name: &str, outputs: &[output::Config]) -> Result<(), String> {
    match outputs.iter().find(|output| output.name == name) {
        None => {
            let there_are = list(outputs.iter().map(|output| output.name.as_str()));
            Err(format!("no [[output]] `{name}`; there are: {there_are}"))
        }
        Some(output) if matches!(output.rule, Some(output::Rule::Follow(_))) => Err(format!(
            "the output `{name}` follows a line, which alone controls it: remove its `follow`"
        )),
        Some(_) => Ok(()),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let expected = r#"a name of 1 to 64 letters, digits, `-` and `_`, such as "bell""#;
    value::parsed(deserializer, expected, |text| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let good = (1..=64).contains(&text.len()) && text.bytes().all(is_good);
        good.then(|| text.to_owned())
    })
}
