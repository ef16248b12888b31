// SPDX-License-Identifier: GPL-2.0-only

//! `mypoll`: events from GPIO lines, a timer and software, for programs that read, poll or want a
//! signal.
//!
//! docs/interface.md says what /dev/mypoll gives and takes. Inside, sources (`line`, `ticker`, a
//! write in `chardev`) hand each [`event::Event`] to the [`hub::Hub`], in hard interrupt context as
//! a rule; the hub queues it and wakes who waits.
//!
//! # Examples
//!
//! A button between a GPIO line and ground, in the device tree:
//!
//! ```dts
//! events {
//!     compatible = "mypoll,events";
//!
//!     button {
//!         gpios = <&gpio 17 (GPIO_ACTIVE_LOW | GPIO_PULL_UP)>;
//!         debounce-interval = <5>;
//!     };
//! };
//! ```
//!
//! And in a shell, until the button is pressed:
//!
//! ```sh
//! $ head -n 1 /dev/mypoll
//! event=1 source=gpio kind=rising line=0 value=1 lost=0 timestamp_ns=48213377104
//! ```
//!
//! # Limitations
//!
//! - A chip that raises hard interrupts but sleeps when its level is read (gpio-sim does) is
//!   taken to change its level with each interrupt: two edges that share one would turn the levels
//!   round until the device is bound anew.
//! - An edge between the moment the interrupt is requested and the moment the first level is
//!   known gives no event.

mod abstractions;
mod attributes;
mod chardev;
mod command;
mod compat;
mod debug_folder;
mod edges;
mod event;
mod fdinfo;
mod hub;
mod ioctl;
mod level;
mod line;
mod line_table;
mod platform_driver;
mod private_queue;
mod queue;
mod settings;
mod subscriber;
mod text;
mod ticker;
// For programs, too, who use more of it.
#[allow(dead_code, unreachable_pub)]
#[path = "uapi/mypoll.rs"]
mod uapi;
mod waiters;

use abstractions::{
    fops,
    params, //
};
use kernel::{
    c_str,
    driver,
    miscdevice::MiscDeviceOptions,
    platform,
    prelude::*, //
};

/// The loaded module. The fields go away in this order: the device, the lines, and last what both
/// of them use.
#[pin_data]
struct MyPoll {
    #[pin]
    device: fops::Registration<chardev::OpenFile>,
    _debug_folder: Option<debug_folder::DebugFolder>,
    #[pin]
    driver: driver::Registration<platform::Adapter<platform_driver::Lines>>,
    hub: hub::Owner,
}

impl kernel::InPlaceModule for MyPoll {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            hub: hub::Owner::new(params::queue_size())?,
            _debug_folder: params::debugfs()
                .then(|| debug_folder::debug_folder(hub.hub()))
                .transpose()?,
            driver <- driver::Registration::new(<Self as kernel::ModuleMetadata>::NAME, module),
            // Last, for then nothing can fail any more: a file that is opened at once keeps a module
            // that stays.
            device <- fops::Registration::new(
                MiscDeviceOptions { name: c_str!("mypoll") },
                module,
            ),
        }? Error)
    }
}

module! {
    type: MyPoll,
    name: "mypoll",
    authors: ["The meta-mypoll authors"],
    description: "Events from GPIO lines, a timer and software",
    license: "GPL v2",
}
