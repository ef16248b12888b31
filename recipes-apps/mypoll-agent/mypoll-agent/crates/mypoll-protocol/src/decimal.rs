// SPDX-License-Identifier: MIT OR Apache-2.0
//! A `u64` as a string of digits: JavaScript and jq round numbers above 2^53.

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

pub(crate) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let digits = std::borrow::Cow::<str>::deserialize(deserializer)?;
    digits
        .parse()
        .map_err(|_| D::Error::custom(format_args!("expected a string of digits, not {digits:?}")))
}
