// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deserializes the sections of the configuration: tables, and values with a special form or range.

pub(crate) mod table;
pub(crate) mod value;

pub use value::level_from;
