// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the sections of the configuration are read: tables, and values with a form or a range of their own.

pub(crate) mod table;
pub(crate) mod value;

pub use value::level_from;
