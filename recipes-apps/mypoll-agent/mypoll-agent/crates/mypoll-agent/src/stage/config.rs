// SPDX-License-Identifier: MIT OR Apache-2.0
//! Common parts of the sections of stages.

use std::time::Duration;

use serde::Deserializer;

use crate::section::value;

/// Plausible times of manual operation.
const TIMES: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_secs(3600);

fn in_range(text: &str) -> Option<Duration> {
    value::not_too_long(text).filter(|time| TIMES.contains(time))
}

/// An optional time of 10 ms to 1 h: use with `default`.
pub(super) fn time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let expected = r#"a duration from "10ms" to "1h""#;
    value::parsed(deserializer, expected, in_range).map(Some)
}

/// The same, or never.
pub(super) fn time_or_never<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let expected = r#"a duration from "10ms" to "1h", or "0s" for never"#;
    value::parsed(deserializer, expected, |text| {
        match value::not_too_long(text)? {
            Duration::ZERO => Some(None),
            _ => in_range(text).map(Some),
        }
    })
}

/// In nanoseconds.
pub(super) fn ns(time: Duration) -> u64 {
    time.as_nanos().try_into().unwrap_or(u64::MAX)
}

/// Nanoseconds in milliseconds, as the value of an event.
pub(super) fn ms(ns: u64) -> u32 {
    (ns / 1_000_000).try_into().unwrap_or(u32::MAX)
}
