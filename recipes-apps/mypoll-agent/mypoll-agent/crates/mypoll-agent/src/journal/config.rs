// SPDX-License-Identifier: MIT OR Apache-2.0
//! The section of the configuration.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer};

use crate::config::{table::Table, value};

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// How many bytes of memory events take, 65536 to 1 GiB. Default: 1 MiB, some 3000 events.
    #[serde(deserialize_with = "value::whole::<_, _, 65536, 1073741824>")]
    pub memory: usize,
    /// The folder that keeps events over a restart. Default: none, they are in memory only.
    #[serde(deserialize_with = "path")]
    pub path: Option<PathBuf>,
    /// How many bytes the files in `path` take, 1 MiB to 1 TiB. Default: 16 MiB, some 250,000 events.
    #[serde(deserialize_with = "value::whole::<_, _, 1048576, 1099511627776>")]
    pub size: u64,
    /// When written events are also on the medium, where a power cut leaves them. Default: within 1 s.
    #[serde(deserialize_with = "sync")]
    pub sync: Sync,
}

/// When written events are synced to the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Before they are delivered: `"0s"`.
    First,
    /// At most this long after they were written.
    Within(Duration),
    /// When the kernel wants to: `"never"`.
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
    let expected = r#"the path of a folder, such as "/var/lib/mypoll-agent/journal""#;
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
