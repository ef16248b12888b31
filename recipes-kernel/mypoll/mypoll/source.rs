// SPDX-License-Identifier: GPL-2.0-only

//! Sources of events.

pub(crate) mod gpio;
pub(crate) mod timer;
