// SPDX-License-Identifier: MIT OR Apache-2.0
//! `key=value` words, as the driver writes them: unknown keys may come at any time and are passed over.

use std::{num::ParseIntError, str::FromStr};

use thiserror::Error;

/// A `key=value` that a program needs is missing or malformed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// There is no such key.
    #[error("`{key}=` is missing")]
    Missing {
        /// The key looked for.
        key: &'static str,
    },
    /// The value is not a number, or one that doesn't fit.
    #[error("`{key}={value}` is not a whole number that fits")]
    Number {
        /// The key looked for.
        key: &'static str,
        /// What stands there in place of a number.
        value: String,
        /// What is wrong with it.
        source: ParseIntError,
    },
}

/// The value of `key` among the words of `text`.
pub(crate) fn value<'a>(text: &'a str, key: &'static str) -> Result<&'a str, KeyError> {
    text.split_ascii_whitespace()
        .filter_map(|word| word.split_once('='))
        .find_map(|(name, value)| (name == key).then_some(value))
        .ok_or(KeyError::Missing { key })
}

/// The value of `key` among the words of `text`, a number.
pub(crate) fn number<T>(text: &str, key: &'static str) -> Result<T, KeyError>
where
    T: FromStr<Err = ParseIntError>,
{
    let value = value(text, key)?;
    value.parse().map_err(|source| KeyError::Number {
        key,
        value: value.to_owned(),
        source,
    })
}
