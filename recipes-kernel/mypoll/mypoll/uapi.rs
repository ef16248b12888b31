// SPDX-License-Identifier: GPL-2.0-only

//! The structures of uapi/mypoll.h.

// Programs use more of it.
#[allow(dead_code, unreachable_pub)]
mod mypoll;
mod transmute;

pub(crate) use mypoll::*;
