// SPDX-License-Identifier: GPL-2.0-only

//! Conversions of the structures to and from bytes.

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
        // SAFETY: All fields are integers or arrays of integers, for which all bytes are valid.
        unsafe impl FromBytes for $name {}

        // SAFETY: There is no padding: mypoll.rs asserts that the sizes are the sums of the fields'.
        unsafe impl AsBytes for $name {}
    )*};
}

plain_bytes!(Config, Event, Info, Levels, Line, Stats);
