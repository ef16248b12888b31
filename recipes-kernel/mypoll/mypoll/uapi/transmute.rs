// SPDX-License-Identifier: GPL-2.0-only

//! The structures as bytes, as programs get and give them.

use super::mypoll::{
    Config,
    Event,
    Info,
    Levels,
    Line,
    Stats, //
};
use kernel::transmute::{
    AsBytes,
    FromBytes, //
};

macro_rules! plain_bytes {
    ($($name:ident),*) => {$(
        // SAFETY: All fields are integers and arrays of them, of which all bytes are valid.
        unsafe impl FromBytes for $name {}

        // SAFETY: There is no padding: mypoll.rs asserts the sizes, which are the sums of the
        // fields'.
        unsafe impl AsBytes for $name {}
    )*};
}

plain_bytes!(Config, Event, Info, Levels, Line, Stats);
