// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values with a special form or range. Errors say what is expected.

use std::{fmt, marker::PhantomData, path::PathBuf, time::Duration};

use serde::{
    Deserializer,
    de::{Error, Unexpected, Visitor},
};
use tracing::level_filters::LevelFilter;

/// The longest accepted duration: longer ones could overflow when added to the current time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A number from MIN to MAX.
pub(crate) fn whole<'de, D, T, const MIN: i128, const MAX: i128>(
    deserializer: D,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i128>,
{
    struct Whole<T, const MIN: i128, const MAX: i128>(PhantomData<T>);

    impl<T: TryFrom<i128>, const MIN: i128, const MAX: i128> Visitor<'_> for Whole<T, MIN, MAX> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a whole number from {MIN} to {MAX}")
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
            self.visit_i128(number.into())
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
            self.visit_i128(number.into())
        }

        fn visit_i128<E: Error>(self, number: i128) -> Result<T, E> {
            Some(number)
                .filter(|number| (MIN..=MAX).contains(number))
                .and_then(|number| number.try_into().ok())
                .ok_or_else(|| {
                    let found = format!("integer `{number}`");
                    E::invalid_value(Unexpected::Other(&found), &self)
                })
        }
    }

    deserializer.deserialize_i64(Whole::<T, MIN, MAX>(PhantomData))
}

/// The number of a driver line, as an optional key: use with `default`.
pub(crate) fn line_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    whole::<_, _, 0, 1023>(deserializer).map(Some)
}

/// A string that `parse` accepts; `expected` describes such strings.
pub(crate) fn parsed<'de, D, T, F>(
    deserializer: D,
    expected: &'static str,
    parse: F,
) -> Result<T, D::Error>
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

/// The label of a driver line, as an optional key: use with `default`.
pub(crate) fn line_label<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let expected = "the label of a line of the driver";
    parsed(deserializer, expected, not_empty).map(Some)
}

pub(crate) fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let expected = r#"a path such as "/dev/mypoll" or "/sys/class/misc/mypoll""#;
    parsed(deserializer, expected, not_empty)
}

fn not_empty<T: for<'a> From<&'a str>>(text: &str) -> Option<T> {
    (!text.is_empty()).then(|| text.into())
}

pub(crate) fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LevelFilter, D::Error> {
    let expected = r#""off", "error", "warn", "info", "debug" or "trace""#;
    parsed(deserializer, expected, level_from)
}

/// The level for a word: off, error, warn, info, debug or trace, in lower or upper case.
pub fn level_from(word: &str) -> Option<LevelFilter> {
    // LevelFilter also accepts numbers, and the empty string as error.
    word.parse()
        .ok()
        .filter(|_| word.starts_with(|first: char| first.is_ascii_alphabetic()))
}

pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let expected = r#"a duration such as "2s" or "500ms", at most "365days""#;
    parsed(deserializer, expected, not_too_long)
}

pub(crate) fn duration_or_never<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let expected = r#"a duration such as "10min", at most "365days", or "0s" for never"#;
    parsed(deserializer, expected, not_too_long)
        .map(|duration| Some(duration).filter(|duration| !duration.is_zero()))
}

pub(crate) fn duration_above_zero<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let expected = r#"a duration above 0 such as "100ms", at most "365days""#;
    parsed(deserializer, expected, |text| {
        not_too_long(text).filter(|duration| !duration.is_zero())
    })
}

/// The same as an optional key: use with `default`.
pub(crate) fn optional_duration_above_zero<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration_above_zero(deserializer).map(Some)
}

/// A duration that can be added to the current time.
pub(crate) fn not_too_long(text: &str) -> Option<Duration> {
    humantime::parse_duration(text)
        .ok()
        .filter(|duration| *duration <= LONGEST)
}
