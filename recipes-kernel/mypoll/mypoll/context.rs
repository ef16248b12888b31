// SPDX-License-Identifier: GPL-2.0-only

//! The parts of the loaded module, for user interfaces.

use crate::{
    bus::Bus,
    source::{
        gpio::Gpio,
        timer::Timer, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The parts of the loaded module.
#[pin_data]
pub(crate) struct Context {
    /// The queues.
    pub(crate) bus: Arc<Bus>,
    /// The timer source.
    #[pin]
    pub(crate) timer: Timer,
    /// The GPIO lines.
    pub(crate) gpio: Arc<Gpio>,
}

impl Context {
    /// Combines them.
    pub(crate) fn new(bus: Arc<Bus>, gpio: Arc<Gpio>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                bus,
                timer <- Timer::new(),
                gpio,
            }),
            GFP_KERNEL,
        )
    }
}
