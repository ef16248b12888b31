// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is kept, and what is run: the cache and its keys, steps with their logs, and the paths.

pub mod cache;
pub mod key;
pub(crate) mod lock;
pub mod paths;
pub mod signals;
pub mod step;
pub mod unavailable;
