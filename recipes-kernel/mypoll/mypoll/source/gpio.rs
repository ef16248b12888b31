// SPDX-License-Identifier: GPL-2.0-only

//! The GPIO source: lines with interrupts.
//!
//! `driver` sets up each `line` from its `properties`, adds it to the `table` and requests its
//! interrupt. From then on, `edges` turns interrupts into events, with levels from `level`.

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

/// The source to which the driver's probe adds lines.
pub(crate) static GPIO: Published<Gpio> = Published::new();

/// The GPIO lines and the bus for their events.
#[pin_data]
pub(crate) struct Gpio {
    pub(crate) bus: Arc<Bus>,
    #[pin]
    pub(crate) lines: Mutex<LineTable>,
    /// For devices whose chip is removed.
    reprobe_queue: ReprobeQueue,
}

impl Gpio {
    /// Creates a source without lines.
    pub(crate) fn new(bus: Arc<Bus>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            bus,
            lines <- new_mutex!(LineTable::new(), "mypoll::Gpio::lines"),
            reprobe_queue: ReprobeQueue::new()?,
        }? Error)
    }
}
