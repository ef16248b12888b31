// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[mqtt]]`

use std::{path::PathBuf, time::Duration};

use mypoll_protocol as protocol;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{packet::Version, topics::Topics};
use crate::{
    command::Control,
    filter::Filter,
    net::{Address, ClientTls},
    section::{
        table::{self, Table},
        value,
    },
};

/// `[[mqtt]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Config {
    /// Its name in the log and in the journal. Default: `broker`.
    pub name: String,
    /// The address of the broker.
    pub broker: Address,
    /// The version of the protocol. Default: 3.1.1.
    pub version: Version,
    /// The MQTT client identifier. Default: the machine's name.
    pub client_id: Option<String>,
    /// The user name. Default: none.
    pub user: Option<String>,
    /// The file whose first line is the password. Default: none.
    pub password_file: Option<PathBuf>,
    /// TLS. Default: none.
    pub tls: Option<ClientTls>,
    /// Time without other data after which the broker is pinged, 5 s to 18 h. Default: 60 s.
    pub keep_alive: Duration,
    /// Time limit for connecting, and for a reply of the broker, 1 s to 10 min. Default: 10 s.
    pub timeout: Duration,
    /// Maximum number of unacknowledged messages, 1 to 1000. Default: 64.
    pub window: usize,
    /// Which events to publish. Default: all.
    pub filter: Filter,
    /// Which orders to accept. Default: none.
    pub orders: Vec<Control>,
    /// The topics of messages.
    pub topics: Topics,
    /// Announces the lines and outputs to Home Assistant. Default: off.
    pub home_assistant: Option<HomeAssistant>,
}

/// `[mqtt.home-assistant]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct HomeAssistant {
    /// Prefix of Home Assistant's topics. Default: `homeassistant`.
    #[serde(deserialize_with = "prefix")]
    pub prefix: String,
    /// The machine's name in Home Assistant. Default: `mypoll` and the machine's name.
    #[serde(deserialize_with = "optional_text")]
    pub name: Option<String>,
}

impl Default for HomeAssistant {
    fn default() -> Self {
        Self {
            prefix: "homeassistant".to_owned(),
            name: None,
        }
    }
}

impl Table for HomeAssistant {
    const EXPECTED: &str = "a table headed `[mqtt.home-assistant]`";
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[[mqtt]]`";

    fn fits(&self, earlier: &[Self]) -> Result<(), String> {
        for (index, other) in earlier.iter().enumerate() {
            if self.name == other.name {
                return Err(format!(
                    "mqtt[{index}] already has the name `{}`, expected another `name`",
                    other.name
                ));
            }
            if self.broker == other.broker && self.client_id == other.client_id {
                return Err(format!(
                    "mqtt[{index}] already is a client of {}, expected another `client-id`",
                    other.broker
                ));
            }
        }
        Ok(())
    }
}

/// `[[mqtt]]` as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    #[serde(default = "default_name", deserialize_with = "name")]
    name: String,
    #[serde(deserialize_with = "broker")]
    broker: Address,
    #[serde(default = "default_version", deserialize_with = "version")]
    version: Version,
    #[serde(default, deserialize_with = "optional_text")]
    client_id: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    user: Option<String>,
    #[serde(default, deserialize_with = "password_file")]
    password_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "table::optional")]
    tls: Option<ClientTls>,
    #[serde(default = "default_keep_alive", deserialize_with = "keep_alive")]
    keep_alive: Duration,
    #[serde(default = "default_timeout", deserialize_with = "timeout")]
    timeout: Duration,
    #[serde(
        default = "default_window",
        deserialize_with = "value::whole::<_, _, 1, 1000>"
    )]
    window: usize,
    #[serde(default, deserialize_with = "filter")]
    filter: Filter,
    #[serde(default)]
    orders: Vec<Control>,
    #[serde(default, deserialize_with = "table::table")]
    topics: Topics,
    #[serde(default, deserialize_with = "table::optional")]
    home_assistant: Option<HomeAssistant>,
}

impl TryFrom<Keys> for Config {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        keys.topics.are_distinct()?;
        if keys.home_assistant.is_some() && !keys.topics.event.has_one_for_a_line() {
            return Err(
                "`home-assistant` listens to one topic for the events of a line, \
                 expected `topics.event` without {source} and {kind}"
                    .to_owned(),
            );
        }
        if keys.password_file.is_some() && keys.user.is_none() {
            return Err("`password-file` is given without `user`, expected both".to_owned());
        }
        if keys.tls.is_some() && matches!(keys.broker, Address::Unix(_)) {
            return Err(format!(
                "`tls` is given for {}, expected it only for a network address",
                keys.broker
            ));
        }
        Ok(Self {
            name: keys.name,
            broker: keys.broker,
            version: keys.version,
            client_id: keys.client_id,
            user: keys.user,
            password_file: keys.password_file,
            tls: keys.tls,
            keep_alive: keys.keep_alive,
            timeout: keys.timeout,
            window: keys.window,
            filter: keys.filter,
            orders: keys.orders,
            topics: keys.topics,
            home_assistant: keys.home_assistant,
        })
    }
}

fn default_name() -> String {
    "broker".to_owned()
}

fn default_version() -> Version {
    Version::V311
}

fn default_keep_alive() -> Duration {
    Duration::from_secs(60)
}

fn default_timeout() -> Duration {
    Duration::from_secs(10)
}

fn default_window() -> usize {
    64
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let expected = "a name of 1 to 64 letters, digits, `-` and `_`";
    value::parsed(deserializer, expected, |text| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        ((1..=64).contains(&text.len()) && text.bytes().all(good)).then(|| text.to_owned())
    })
}

fn broker<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    let expected = r#"the address of a broker such as "broker.example:1883", "192.0.2.1:8883" or "unix:/run/mosquitto.sock""#;
    value::parsed(deserializer, expected, |text| {
        Address::parse(text).filter(|address| match address {
            Address::Ip(address) => address.port() != 0 && !address.ip().is_unspecified(),
            Address::Name(_, port) => *port != 0,
            Address::Unix(_) => true,
            Address::Systemd(_) => false,
        })
    })
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
    value::parsed(deserializer, r#""3.1.1" or "5""#, |text| match text {
        "3.1.1" => Some(Version::V311),
        "5" | "5.0" => Some(Version::V5),
        _ => None,
    })
}

/// Text that an MQTT string can carry.
fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let expected = "a text of 1 to 256 bytes without control characters";
    value::parsed(deserializer, expected, |text| {
        let good = (1..=256).contains(&text.len()) && !text.contains(char::is_control);
        good.then(|| text.to_owned())
    })
    .map(Some)
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let expected = r#"the beginning of topics such as "homeassistant", without `+` and `#`"#;
    value::parsed(deserializer, expected, |text| {
        let bad = |c: char| c.is_control() || "+#$".contains(c);
        let good = (1..=256).contains(&text.len()) && !text.contains(bad) && !text.ends_with('/');
        good.then(|| text.to_owned())
    })
}

fn password_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let expected = r#"the path of a file such as "/etc/mypoll-agent/mqtt-password""#;
    value::parsed(deserializer, expected, |text| {
        (!text.is_empty()).then(|| Some(text.into()))
    })
}

fn keep_alive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let expected = r#"whole seconds from "5s" to "18h", such as "60s""#;
    value::parsed(deserializer, expected, |text| {
        value::not_too_long(text).filter(|duration| {
            (5..=18 * 60 * 60).contains(&duration.as_secs()) && duration.subsec_nanos() == 0
        })
    })
}

fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let expected = r#"a duration from "1s" to "10min", such as "10s""#;
    value::parsed(deserializer, expected, |text| {
        value::not_too_long(text).filter(|duration| (1..=600).contains(&duration.as_secs()))
    })
}

fn filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Filter, D::Error> {
    Filter::new(protocol::Filter::deserialize(deserializer)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests;
