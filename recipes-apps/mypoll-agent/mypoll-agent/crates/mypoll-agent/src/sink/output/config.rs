// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[output]]`: a GPIO line and its reaction to events.

use std::{ffi::OsStr, fmt, path::Path, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

use crate::{
    event::{Kind, Source},
    filter::{self, When},
    gpio::LineSpec,
    lines::Target,
    section::{
        table::{self, Table},
        value,
    },
};

/// `[[output]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Config {
    /// Its name in orders, in the log and in `gpioinfo`. Default: the name of the line, or chip and number, as in `leds-4`.
    pub name: String,
    /// The GPIO line.
    pub line: LineSpec,
    /// Whether a low level is active. Default: false.
    pub active_low: bool,
    /// Its reaction to events. Default: none, only orders switch it.
    pub rule: Option<Rule>,
}

/// An output's reaction to events.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Active while a line of the source is active.
    Follow(Target),
    /// Active until this long after the last event; above 0, at most 365 days.
    Blink(When, Duration),
    /// Active for this long after an event; further events don't extend it. Above 0, at most 365 days.
    Pulse(When, Duration),
    /// Inverted by each event.
    Toggle(When),
}

/// The name of the line, or chip and number.
fn default_name(line: &LineSpec) -> String {
    match line {
        LineSpec::Number(chip, number) => {
            let file = line.device().and_then(Path::file_name);
            let chip = file.map_or(chip.into(), OsStr::to_string_lossy);
            format!("{chip}-{number}")
        }
        LineSpec::Name(_, name) => name.clone(),
    }
}

/// Whether both are the same line, as far as that is known before they are opened.
fn is_same(one: &LineSpec, other: &LineSpec) -> bool {
    match (one, other) {
        // If one has no chip, its name is unique, or opening it fails.
        (LineSpec::Name(None, one), LineSpec::Name(_, other))
        | (LineSpec::Name(_, one), LineSpec::Name(None, other)) => one == other,
        (one, other) => one == other,
    }
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[[output]]`";

    fn fits(&self, earlier: &[Self]) -> Result<(), String> {
        for (index, other) in earlier.iter().enumerate() {
            if is_same(&self.line, &other.line) {
                return Err(format!(
                    "{} is already output[{index}] (`{}`), expected different lines",
                    self.line, other.name
                ));
            }
            if self.name == other.name {
                return Err(format!(
                    "output[{index}] already has the name `{}`, expected another `name`",
                    other.name
                ));
            }
        }
        Ok(())
    }
}

/// `[[output]]` as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    #[serde(default, deserialize_with = "name")]
    name: Option<String>,
    #[serde(default, deserialize_with = "chip")]
    chip: Option<String>,
    #[serde(deserialize_with = "line")]
    line: NumberOrName,
    #[serde(default)]
    active_low: bool,
    #[serde(default, deserialize_with = "table::optional")]
    follow: Option<Target>,
    #[serde(default, deserialize_with = "table::optional")]
    blink: Option<Timed>,
    #[serde(default, deserialize_with = "table::optional")]
    pulse: Option<Timed>,
    #[serde(default, deserialize_with = "table::optional")]
    toggle: Option<When>,
}

enum NumberOrName {
    Number(u32),
    Name(String),
}

/// `blink` or `pulse`.
#[derive(Deserialize)]
#[serde(try_from = "TimedKeys")]
struct Timed {
    when: When,
    on: Duration,
}

/// The keys of [`When`], and one more: serde's `flatten` would accept unknown keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimedKeys {
    #[serde(default, deserialize_with = "filter::sources")]
    source: Vec<Source>,
    #[serde(default, deserialize_with = "filter::kinds")]
    kind: Vec<Kind>,
    #[serde(default, deserialize_with = "filter::lines")]
    line: Vec<u32>,
    #[serde(default, deserialize_with = "filter::labels")]
    label: Vec<String>,
    #[serde(deserialize_with = "value::duration_above_zero")]
    on: Duration,
}

impl TryFrom<TimedKeys> for Timed {
    type Error = String;

    fn try_from(keys: TimedKeys) -> Result<Self, Self::Error> {
        Ok(Self {
            when: When::new(keys.source, keys.kind, keys.line, keys.label)?,
            on: keys.on,
        })
    }
}

impl Table for Timed {
    const EXPECTED: &str = r#"a table such as { on = "100ms" }"#;
}

impl TryFrom<Keys> for Config {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let rules = [
            ("follow", keys.follow.map(Rule::Follow)),
            ("blink", keys.blink.map(|of| Rule::Blink(of.when, of.on))),
            ("pulse", keys.pulse.map(|of| Rule::Pulse(of.when, of.on))),
            ("toggle", keys.toggle.map(Rule::Toggle)),
        ];
        let mut rules = rules
            .into_iter()
            .filter_map(|(key, rule)| Some((key, rule?)));
        let rule = rules.next();
        if let (Some((one, _)), Some((other, _))) = (&rule, rules.next()) {
            return Err(format!(
                "both `{one}` and `{other}` are given, expected at most one of them"
            ));
        }
        let line = match (keys.chip, keys.line) {
            (Some(chip), NumberOrName::Number(number)) => LineSpec::Number(chip, number),
            (chip, NumberOrName::Name(name)) => LineSpec::Name(chip, name),
            (None, NumberOrName::Number(number)) => {
                return Err(format!(
                    "`line` {number} is given without a `chip`, expected both, \
                     or the name of the line such as line = \"GPIO27\""
                ));
            }
        };
        Ok(Self {
            name: keys.name.unwrap_or_else(|| default_name(&line)),
            line,
            active_low: keys.active_low,
            rule: rule.map(|(_, rule)| rule),
        })
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let expected = "a name of 1 to 64 bytes without control characters";
    value::parsed(deserializer, expected, |text| {
        let good = (1..=64).contains(&text.len()) && !text.contains(char::is_control);
        good.then(|| text.to_owned())
    })
    .map(Some)
}

fn chip<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let expected = r#"a chip's device file such as "/dev/gpiochip0", its name or its label"#;
    value::parsed(deserializer, expected, |text| {
        (!text.is_empty()).then(|| text.to_owned())
    })
    .map(Some)
}

fn line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NumberOrName, D::Error> {
    struct OneOf;

    impl Visitor<'_> for OneOf {
        type Value = NumberOrName;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(
                r#"the number of a line of the chip, or the name of a line such as "GPIO27""#,
            )
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<NumberOrName, E> {
            u32::try_from(number)
                .map(NumberOrName::Number)
                .map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<NumberOrName, E> {
            if text.is_empty() {
                return Err(E::invalid_value(Unexpected::Str(text), &self));
            }
            Ok(NumberOrName::Name(text.to_owned()))
        }
    }

    deserializer.deserialize_any(OneOf)
}
