// SPDX-License-Identifier: MIT OR Apache-2.0
//! `key=value` words of the driver. Unknown keys are ignored.

use std::{num::ParseIntError, str::FromStr};

use thiserror::Error;

/// A required `key=value` is missing or malformed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The key is missing.
    #[error("`{key}=` is missing")]
    Missing {
        /// The key looked for.
        key: &'static str,
    },
    /// The value is not a number, or out of range.
    #[error("`{key}={value}` is not a whole number in range")]
    Number {
        /// The key looked for.
        key: &'static str,
        /// The value.
        value: String,
        /// Why parsing failed.
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
