// SPDX-License-Identifier: GPL-2.0-only

//! Where events come from.

pub(crate) mod gpio;
pub(crate) mod timer;
