// SPDX-License-Identifier: MIT OR Apache-2.0
//! Orders in JSON, from HTTP and MQTT.

use std::fmt;

use mypoll_protocol::{Action, Output};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::quote::quote;

/// The longest period of the timer, and the longest pulse.
const LONGEST_MS: u32 = 3_600_000;

/// The kinds of orders that the configuration can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// Triggers of the driver.
    Trigger,
    /// The driver's timer.
    Timer,
    /// The agent's outputs.
    Output,
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trigger => "trigger",
            Self::Timer => "timer",
            Self::Output => "output",
        })
    }
}

/// The target of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The driver: queues an event.
    Trigger,
    /// The driver's timer.
    Timer,
    /// The output with this name.
    Output(String),
}

/// The value of a key that needs none.
struct True;

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(Self),
            false => Err(serde::de::Error::custom("expected true")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TimerBody {
    Start(True),
    PeriodMs(u32),
    Stop(True),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutputBody {
    Set(bool),
    Toggle(True),
    PulseMs(u32),
}

impl Target {
    /// The kind of order that must be allowed.
    pub fn control(&self) -> Control {
        match self {
            Self::Trigger => Control::Trigger,
            Self::Timer => Control::Timer,
            Self::Output(_) => Control::Output,
        }
    }

    /// Parses the order in `body`, in JSON.
    ///
    /// # Errors
    ///
    /// `body` is not an order; the message says what is expected.
    pub fn action(self, body: &[u8]) -> Result<Action, String> {
        match self {
            Self::Trigger => {
                parse::<Empty>(body, "{}")?;
                Ok(Action::Trigger)
            }
            Self::Timer => {
                let expected = r#"{"start":true}, {"period_ms":500} or {"stop":true}"#;
                Ok(match parse(body, expected)? {
                    TimerBody::Start(True) => Action::StartTimer { period_ms: None },
                    TimerBody::PeriodMs(ms) => Action::StartTimer {
                        period_ms: Some(in_range("period_ms", ms)?),
                    },
                    TimerBody::Stop(True) => Action::StopTimer,
                })
            }
            Self::Output(name) => {
                let expected =
                    r#"{"set":true}, {"set":false}, {"toggle":true} or {"pulse_ms":100}"#;
                Ok(Action::Output(match parse(body, expected)? {
                    OutputBody::Set(active) => Output::Set { name, active },
                    OutputBody::Toggle(True) => Output::Toggle { name },
                    OutputBody::PulseMs(ms) => Output::Pulse {
                        name,
                        ms: in_range("pulse_ms", ms)?,
                    },
                }))
            }
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8], expected: &str) -> Result<T, String> {
    serde_json::from_slice(body)
        .map_err(|error| format!("expected {expected}: {}", quote(&error.to_string())))
}

fn in_range(key: &str, ms: u32) -> Result<u32, String> {
    if (1..=LONGEST_MS).contains(&ms) {
        return Ok(ms);
    }
    Err(format!(
        "`{key}` must be 1 to {LONGEST_MS} milliseconds, not {ms}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led() -> Target {
        Target::Output("led".to_owned())
    }

    #[test]
    fn orders_are_parsed() {
        let name = || "led".to_owned();
        for (target, body, expected) in [
            (Target::Trigger, "{}", Action::Trigger),
            (
                Target::Timer,
                r#"{"start":true}"#,
                Action::StartTimer { period_ms: None },
            ),
            (
                Target::Timer,
                r#"{"period_ms":3600000}"#,
                Action::StartTimer {
                    period_ms: Some(3_600_000),
                },
            ),
            (Target::Timer, r#"{"stop":true}"#, Action::StopTimer),
            (
                led(),
                r#" {"set": false} "#,
                Action::Output(Output::Set {
                    name: name(),
                    active: false,
                }),
            ),
            (
                led(),
                r#"{"toggle":true}"#,
                Action::Output(Output::Toggle { name: name() }),
            ),
            (
                led(),
                r#"{"pulse_ms":1}"#,
                Action::Output(Output::Pulse {
                    name: name(),
                    ms: 1,
                }),
            ),
        ] {
            assert_eq!(target.action(body.as_bytes()), Ok(expected), "{body}");
        }
    }

    #[test]
    fn invalid_bodies_are_refused() {
        for (target, body) in [
            (Target::Trigger, ""),
            (Target::Trigger, "null"),
            (Target::Trigger, r#"{"force":true}"#),
            (Target::Timer, r#"{"start":false}"#),
            (Target::Timer, r#"{"period_ms":0}"#),
            (Target::Timer, r#"{"period_ms":3600001}"#),
            (Target::Timer, r#"{"period_ms":1.5}"#),
            (led(), "{}"),
            (led(), "[]"),
            (led(), "set"),
            (led(), r#"{"set":1}"#),
            (led(), r#"{"set":true,"toggle":true}"#),
            (led(), r#"{"pulse_ms":-1}"#),
            (led(), r#"{"set":true} {}"#),
            (led(), "{\"set\":true}\u{0}"),
        ] {
            assert!(target.action(body.as_bytes()).is_err(), "{body}");
        }
        let deep = "[".repeat(4096);
        assert!(led().action(deep.as_bytes()).is_err());
    }
}
