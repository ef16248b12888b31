// SPDX-License-Identifier: GPL-2.0-only

//! The GPIO source: lines whose edges are events.
//!
//! `driver` sets up each `line` from its `properties`, enters it into the `table` and requests its
//! interrupt. From then on, `edges` makes events of interrupts, and asks `level` where the line is.

pub(crate) mod driver;
mod edges;
pub(crate) mod label;
mod level;
mod line;
mod properties;
pub(crate) mod table;

use crate::{
    bus::Bus,
    kernel_ext::{
        published::Published,
        reprobe::ReprobeQueue, //
    }, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use table::LineTable;

/// The source that the driver's probe enters lines into.
pub(crate) static GPIO: Published<Gpio> = Published::new();

/// The GPIO lines and the bus that takes their events.
#[pin_data]
pub(crate) struct Gpio {
    pub(crate) bus: Arc<Bus>,
    #[pin]
    pub(crate) lines: Mutex<LineTable>,
    /// For devices whose chip goes.
    reprobe_queue: ReprobeQueue,
}

impl Gpio {
    /// Creates a source without a line.
    pub(crate) fn new(bus: Arc<Bus>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            bus,
            lines <- new_mutex!(LineTable::new(), "mypoll::Gpio::lines"),
            reprobe_queue: ReprobeQueue::new()?,
        }? Error)
    }
}
