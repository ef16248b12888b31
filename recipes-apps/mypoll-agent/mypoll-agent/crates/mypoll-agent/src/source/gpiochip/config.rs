// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[gpiochip]`

use std::{sync::Arc, time::Duration};

use gpiocdev::line;
use serde::Deserialize;

use crate::{
    gpio::LineSpec,
    lines::{Line, Settings},
    section::{table, table::Table, value},
};

/// `[gpiochip]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The lines, numbered from 0 in this order.
    #[serde(deserialize_with = "table::array")]
    pub lines: Vec<Entry>,
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[gpiochip]`";
}

/// A line of a chip.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Entry {
    /// Which line of which chip.
    pub line: LineSpec,
    /// Its label in events. Default: the configured name of the line.
    pub label: Option<Arc<str>>,
    /// Whether it is active-low. Default: false.
    pub active_low: bool,
    /// The bias resistor. Default: unchanged.
    pub bias: Bias,
    /// The debounce time. Default: no debouncing.
    pub debounce: Option<Duration>,
    /// Which edges to report. Default: both.
    pub edges: Edges,
}

/// The bias resistor of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bias {
    /// Unchanged.
    #[default]
    AsIs,
    /// Pull-up.
    PullUp,
    /// Pull-down.
    PullDown,
    /// Disabled.
    Disable,
}

/// Which edges to report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edges {
    /// Both.
    #[default]
    Both,
    /// The line became active.
    Rising,
    /// The line became inactive.
    Falling,
}

/// An [`Entry`] as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    chip: Option<String>,
    #[serde(default, deserialize_with = "line_number")]
    line: Option<u32>,
    name: Option<String>,
    label: Option<String>,
    #[serde(default)]
    active_low: bool,
    #[serde(default)]
    bias: Bias,
    #[serde(default, deserialize_with = "debounce")]
    debounce: Option<Duration>,
    #[serde(default)]
    edges: Edges,
}

impl Table for Entry {
    const EXPECTED: &str = r#"`{ chip = "gpiochip0", line = 17 }` or `{ name = "GPIO17" }`"#;
}

fn line_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    value::whole::<_, _, 0, { u32::MAX as i128 }>(deserializer).map(Some)
}

fn debounce<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let expected = r#"a duration from "1us" to "1h", such as "5ms""#;
    let range = Duration::from_micros(1)..=Duration::from_secs(3600);
    value::parsed(deserializer, expected, |text| {
        let duration = humantime::parse_duration(text).ok();
        duration.filter(|duration| range.contains(duration))
    })
    .map(Some)
}

impl TryFrom<Keys> for Entry {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        if [&keys.chip, &keys.name, &keys.label]
            .map(|text| text.as_deref().map(str::is_empty))
            .contains(&Some(true))
        {
            return Err("`chip`, `name` and `label` can't be empty: remove the key");
        }
        let label = keys.label.or_else(|| keys.name.clone());
        let line = match (keys.chip, keys.line, keys.name) {
            (Some(chip), Some(number), None) => LineSpec::Number(chip, number),
            (None, Some(_), None) => {
                return Err("`line` needs a `chip`, such as \"/dev/gpiochip0\"");
            }
            (chip, None, Some(name)) => LineSpec::Name(chip, name),
            (_, Some(_), Some(_)) => return Err("`line` and `name` exclude each other"),
            (_, None, None) => return Err("neither `line` nor `name` is given, expected one"),
        };
        Ok(Self {
            line,
            label: label.map(Arc::from),
            active_low: keys.active_low,
            bias: keys.bias,
            debounce: keys.debounce,
            edges: keys.edges,
        })
    }
}

impl Entry {
    /// The line's request to the kernel.
    pub(super) fn to_request(&self) -> line::Config {
        line::Config {
            direction: Some(line::Direction::Input),
            active_low: self.active_low,
            bias: match self.bias {
                Bias::AsIs => None,
                Bias::PullUp => Some(line::Bias::PullUp),
                Bias::PullDown => Some(line::Bias::PullDown),
                Bias::Disable => Some(line::Bias::Disabled),
            },
            edge_detection: Some(match self.edges {
                Edges::Both => line::EdgeDetection::BothEdges,
                Edges::Rising => line::EdgeDetection::RisingEdge,
                Edges::Falling => line::EdgeDetection::FallingEdge,
            }),
            event_clock: Some(line::EventClock::Monotonic),
            debounce_period: self.debounce,
            ..line::Config::default()
        }
    }

    /// The line in the agent's format.
    pub(super) fn to_line(&self, number: u32, chip: Arc<str>, offset: u32, active: bool) -> Line {
        Line {
            number,
            label: self.label.clone(),
            active: Some(active),
            settings: Settings {
                chip: Some(chip),
                offset,
                active_low: self.active_low,
                rising: self.edges != Edges::Falling,
                falling: self.edges != Edges::Rising,
                // At most an hour.
                debounce_us: self.debounce.unwrap_or_default().as_micros() as u64,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_line_has_a_number_or_a_name() {
        let config = parse(
            r#"lines = [
                { chip = "gpiochip0", line = 17, label = "button", active-low = true, bias = "pull-up", debounce = "5ms" },
                { name = "GPIO27", edges = "rising" },
            ]"#,
        )
        .unwrap();
        assert_eq!(
            config.lines[0].line,
            LineSpec::Number("gpiochip0".to_owned(), 17)
        );
        assert_eq!(config.lines[0].debounce, Some(Duration::from_millis(5)));
        assert_eq!(config.lines[0].bias, Bias::PullUp);
        assert_eq!(config.lines[1].label.as_deref(), Some("GPIO27"));
        assert_eq!(config.lines[1].edges, Edges::Rising);
    }

    #[test]
    fn invalid_lines_are_rejected() {
        for (line, complaint) in [
            ("{ line = 17 }", "`line` needs a `chip`"),
            ("{ chip = \"x\" }", "neither `line` nor `name`"),
            (
                "{ chip = \"x\", line = 1, name = \"y\" }",
                "exclude each other",
            ),
            ("{ chip = \"\", line = 1 }", "can't be empty"),
            ("{ chip = \"x\", line = -1 }", "a whole number from 0"),
            ("{ name = \"x\", debounce = \"2h\" }", "\"1us\" to \"1h\""),
            ("{ name = \"x\", edges = \"up\" }", "unknown variant `up`"),
            ("{ name = \"x\", pull = \"up\" }", "unknown field `pull`"),
            ("7", "`{ name = \"GPIO17\" }`"),
        ] {
            let error = parse(&format!("lines = [{line}]")).unwrap_err();
            assert!(error.contains(complaint), "{line}: {error}");
        }
    }
}
