// SPDX-License-Identifier: MIT OR Apache-2.0
//! Orders in messages on topics that end in `/set`.

use std::{collections::BTreeMap, sync::Arc};

use mypoll_protocol::{Action, Output};

use super::topics::Topics;
use crate::{
    command::{Control, Target},
    quote::quote_bytes,
};

/// The topics of orders, and their executors.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Orders(BTreeMap<Arc<str>, To>);

/// The executor of an order.
#[derive(Clone, Debug, PartialEq)]
enum To {
    Driver { trigger: bool, timer: bool },
    Output(String),
}

impl Orders {
    /// The topics of the orders in `allowed`.
    pub(super) fn new<'a>(
        topics: &Topics,
        machine: &str,
        allowed: &[Control],
        outputs: impl Iterator<Item = &'a String>,
    ) -> Self {
        let mut orders = BTreeMap::new();
        let set = |topic: Arc<str>| Arc::from(format!("{topic}/set"));
        if allowed.contains(&Control::Output) {
            for output in outputs {
                let topic = topics.output.of(machine, output);
                orders.insert(set(topic), To::Output(output.clone()));
            }
        }
        let trigger = allowed.contains(&Control::Trigger);
        let timer = allowed.contains(&Control::Timer);
        if trigger || timer {
            let to = To::Driver { trigger, timer };
            orders.insert(set(topics.driver.of(machine)), to);
        }
        Self(orders)
    }

    /// The topics to subscribe to.
    pub(super) fn topics(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// Parses the order in a message; `None` if the topic is not one of these.
    ///
    /// # Errors
    ///
    /// The message is not an order; the error says what is expected.
    pub(super) fn parse(&self, topic: &str, payload: &[u8]) -> Option<Result<Action, String>> {
        let order = match self.0.get(topic)? {
            To::Output(name) => output(name, payload),
            To::Driver { trigger, timer } => driver(*trigger, *timer, payload),
        };
        Some(order.map_err(|why| format!("{topic}: {why}: `{}`", quote_bytes(payload))))
    }
}

fn word(payload: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(payload).ok()?;
    Some(text.trim().to_ascii_lowercase())
}

fn is_json(payload: &[u8]) -> bool {
    payload.trim_ascii_start().starts_with(b"{")
}

fn output(name: &str, payload: &[u8]) -> Result<Action, String> {
    let name = || name.to_owned();
    if is_json(payload) {
        return Target::Output(name()).action(payload);
    }
    let word = word(payload);
    let switch = match word.as_deref() {
        Some("on") => Output::Set {
            name: name(),
            active: true,
        },
        Some("off") => Output::Set {
            name: name(),
            active: false,
        },
        Some("toggle") => Output::Toggle { name: name() },
        other => {
            let ms = other.and_then(|word| word.strip_prefix("pulse "));
            let Some(ms) = ms.and_then(|ms| ms.trim().parse::<u32>().ok()) else {
                return Err(
                    "expected `on`, `off`, `toggle`, `pulse 500` or an order in JSON".into(),
                );
            };
            let body = format!(r#"{{"pulse_ms":{ms}}}"#);
            return Target::Output(name()).action(body.as_bytes());
        }
    };
    Ok(Action::Output(switch))
}

fn driver(trigger: bool, timer: bool, payload: &[u8]) -> Result<Action, String> {
    let word = word(payload);
    let action = match word.as_deref() {
        Some("trigger") => Action::Trigger,
        Some("start") => Action::StartTimer { period_ms: None },
        Some("stop") => Action::StopTimer,
        _ if is_json(payload) => Target::Timer.action(payload)?,
        _ => {
            return Err(r#"expected `trigger`, `start`, `stop` or {"period_ms":500}"#.to_owned());
        }
    };
    match action {
        Action::Trigger if !trigger => Err("`orders` has no \"trigger\"".to_owned()),
        Action::StartTimer { .. } | Action::StopTimer if !timer => {
            Err("`orders` has no \"timer\"".to_owned())
        }
        action => Ok(action),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(allowed: &[Control]) -> Orders {
        let outputs = ["lamp".to_owned(), "a/b".to_owned()];
        Orders::new(&Topics::default(), "kitchen", allowed, outputs.iter())
    }

    fn lamp(payload: &str) -> Result<Action, String> {
        orders(&[Control::Output])
            .parse("mypoll/kitchen/output/lamp/set", payload.as_bytes())
            .unwrap()
    }

    #[test]
    fn words_and_json_are_parsed() {
        let set = |active| {
            Action::Output(Output::Set {
                name: "lamp".to_owned(),
                active,
            })
        };
        let name = || "lamp".to_owned();
        for (payload, action) in [
            ("on", set(true)),
            ("OFF", set(false)),
            (" on\n", set(true)),
            (r#"{"set":true}"#, set(true)),
            ("toggle", Action::Output(Output::Toggle { name: name() })),
            (
                "pulse 500",
                Action::Output(Output::Pulse {
                    name: name(),
                    ms: 500,
                }),
            ),
            (
                r#"{"pulse_ms":1}"#,
                Action::Output(Output::Pulse {
                    name: name(),
                    ms: 1,
                }),
            ),
        ] {
            assert_eq!(lamp(payload), Ok(action), "{payload}");
        }
    }

    #[test]
    fn invalid_orders_are_refused_with_the_expected_form() {
        for payload in [
            "",
            "1",
            "true",
            "pulse",
            "pulse 0",
            "pulse -1",
            "pulse 1,\"toggle\":true",
            "{}",
            r#"{"set":"on"}"#,
            "\u{0}",
            "on off",
        ] {
            let error = lamp(payload).unwrap_err();
            assert!(
                error.contains("expected") || error.contains("must be 1"),
                "{payload}: {error}"
            );
            assert!(
                error.starts_with("mypoll/kitchen/output/lamp/set: "),
                "{error}"
            );
        }
        let error = orders(&[Control::Output])
            .parse("mypoll/kitchen/output/lamp/set", b"\xff\xfe")
            .unwrap();
        assert!(error.is_err());
    }

    #[test]
    fn only_allowed_orders_have_topics() {
        let topics = |allowed: &[Control]| -> Vec<String> {
            orders(allowed).topics().map(ToString::to_string).collect()
        };
        assert!(topics(&[]).is_empty());
        assert_eq!(
            topics(&[Control::Output]),
            [
                "mypoll/kitchen/output/a%2Fb/set",
                "mypoll/kitchen/output/lamp/set"
            ]
        );
        assert_eq!(topics(&[Control::Timer]), ["mypoll/kitchen/driver/set"]);
    }

    #[test]
    fn the_driver_takes_only_allowed_orders() {
        let driver = |allowed, payload: &str| {
            orders(allowed)
                .parse("mypoll/kitchen/driver/set", payload.as_bytes())
                .unwrap()
        };
        let both = &[Control::Trigger, Control::Timer];
        assert_eq!(driver(both, "trigger"), Ok(Action::Trigger));
        assert_eq!(driver(both, "stop"), Ok(Action::StopTimer));
        let start = |period_ms| Ok(Action::StartTimer { period_ms });
        assert_eq!(driver(both, "start"), start(None));
        assert_eq!(driver(both, r#"{"period_ms":500}"#), start(Some(500)));
        assert!(driver(both, "reboot").is_err());
        let error = driver(&[Control::Trigger], "start").unwrap_err();
        assert!(error.contains("no \"timer\""), "{error}");
        let error = driver(&[Control::Timer], "trigger").unwrap_err();
        assert!(error.contains("no \"trigger\""), "{error}");
    }
}
