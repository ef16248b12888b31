// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values with a form or a range of their own. What does not fit is rejected with a sentence that says what would.

use std::{fmt, net::SocketAddr, time::Duration};

use serde::{
    Deserializer,
    de::{Error, Unexpected, Visitor},
};
use tracing_subscriber::filter::LevelFilter;

/// A number from MIN to MAX.
pub(super) fn whole<'de, D, const MIN: usize, const MAX: usize>(
    deserializer: D,
) -> Result<usize, D::Error>
where
    D: Deserializer<'de>,
{
    struct Whole<const MIN: usize, const MAX: usize>;

    impl<const MIN: usize, const MAX: usize> Visitor<'_> for Whole<MIN, MAX> {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a whole number from {MIN} to {MAX}")
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<usize, E> {
            usize::try_from(number)
                .ok()
                .filter(|number| (MIN..=MAX).contains(number))
                .ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
        }
    }

    deserializer.deserialize_i64(Whole::<MIN, MAX>)
}

/// A string that `parse` takes; `expected` says which it does.
fn parsed<'de, D, T, F>(deserializer: D, expected: &'static str, parse: F) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    F: FnOnce(&str) -> Option<T>,
{
    struct Parsed<F> {
        expected: &'static str,
        parse: F,
    }

    impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Parsed<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.parse)(text)
                .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self.expected))
        }
    }

    deserializer.deserialize_str(Parsed { expected, parse })
}

pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let expected = r#"an IP address and a port such as "127.0.0.1:7070" or "[::1]:7070""#;
    parsed(deserializer, expected, |text| text.parse().ok())
}

pub(super) fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LevelFilter, D::Error> {
    let expected = r#""off", "error", "warn", "info", "debug" or "trace""#;
    parsed(deserializer, expected, |text| text.parse().ok())
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let expected = r#"a duration such as "2s" or "500ms""#;
    parsed(deserializer, expected, |text| {
        humantime::parse_duration(text).ok()
    })
}

pub(super) fn duration_or_never<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let expected = r#"a duration such as "10min", or "0s" for never"#;
    parsed(deserializer, expected, |text| {
        humantime::parse_duration(text).ok()
    })
    .map(|duration| Some(duration).filter(|duration| !duration.is_zero()))
}

pub(super) fn duration_above_zero<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let expected = r#"a duration above 0 such as "100ms""#;
    parsed(deserializer, expected, |text| {
        humantime::parse_duration(text)
            .ok()
            .filter(|duration| !duration.is_zero())
    })
}
