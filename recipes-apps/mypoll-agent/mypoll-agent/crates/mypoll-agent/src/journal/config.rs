// SPDX-License-Identifier: MIT OR Apache-2.0
//! The section of the configuration.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer};

use crate::section::{table::Table, value};

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Memory for events in bytes, 65536 to 1 GiB. Default: 1 MiB, about 3000 events.
    #[serde(deserialize_with = "value::whole::<_, _, 65536, 1073741824>")]
    pub memory: usize,
    /// The directory that keeps events across restarts. Default: none, events are in memory only.
    #[serde(deserialize_with = "path")]
    pub path: Option<PathBuf>,
    /// Disk space of `path` in bytes, 1 MiB to 1 TiB. Default: 16 MiB, about 250,000 events.
    #[serde(deserialize_with = "value::whole::<_, _, 1048576, 1099511627776>")]
    pub size: u64,
    /// When events are flushed to disk, so that they survive a power cut. Default: within 1 s.
    #[serde(deserialize_with = "sync")]
    pub sync: Sync,
}

/// When events are flushed to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Before delivery: `"0s"`.
    First,
    /// At most this long after they are written.
    Within(Duration),
    /// Whenever the kernel does it: `"never"`.
    Never,
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[journal]`";
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory: 1 << 20,
            path: None,
            size: 16 << 20,
            sync: Sync::Within(Duration::from_secs(1)),
        }
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let expected = r#"the path of a directory, such as "/var/lib/mypoll-agent/journal""#;
    value::parsed(deserializer, expected, |text| {
        (!text.is_empty()).then(|| Some(text.into()))
    })
}

fn sync<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sync, D::Error> {
    let expected =
        r#"a duration such as "1s", at most "365days", "0s" to sync before delivery, or "never""#;
    value::parsed(deserializer, expected, |text| match text {
        "never" => Some(Sync::Never),
        _ => value::not_too_long(text).map(|duration| match duration {
            Duration::ZERO => Sync::First,
            duration => Sync::Within(duration),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn parse(text: &str) -> Result<Config, String> {
        config::Config::parse("a.toml".as_ref(), &format!("[journal]\n{text}"))
            .map(|config| config.journal)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_as_documented() {
        let config = parse("").unwrap();
        assert_eq!((config.memory, config.path), (1 << 20, None));
        assert_eq!(config.size, 16 << 20);
        assert_eq!(config.sync, Sync::Within(Duration::from_secs(1)));
    }

    #[test]
    fn sync_is_a_time_or_a_word() {
        let sync = |text| parse(&format!("sync = {text:?}")).unwrap().sync;
        assert_eq!(sync("0s"), Sync::First);
        assert_eq!(sync("never"), Sync::Never);
        assert_eq!(sync("200ms"), Sync::Within(Duration::from_millis(200)));
    }

    #[test]
    fn invalid_values_are_refused_with_the_expected_form() {
        for (text, error) in [
            ("memory = 65535", "a whole number from 65536 to 1073741824"),
            (
                "size = 1000",
                "a whole number from 1048576 to 1099511627776",
            ),
            (
                "size = \"16M\"",
                "a whole number from 1048576 to 1099511627776",
            ),
            ("path = \"\"", "the path of a directory"),
            ("path = 1", "the path of a directory"),
            ("sync = \"soon\"", "or \"never\""),
            ("sync = 1", "a duration such as \"1s\""),
            ("sync = \"400days\"", "at most \"365days\""),
            ("sink = 1", "unknown field `sink`"),
        ] {
            let found = parse(text).unwrap_err();
            let key = text.split_once(' ').unwrap().0;
            assert!(
                found.starts_with(&format!("a.toml:2: journal.{key}: ")),
                "{found}"
            );
            assert!(found.contains(error), "{found}");
        }
    }
}
