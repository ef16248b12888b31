// SPDX-License-Identifier: GPL-2.0-only

//! `mypoll`: events from GPIO lines, a timer and software, for programs that use read, poll or
//! SIGIO.
//!
//! docs/interface.md describes /dev/mypoll, docs/driver.md the layers of the module. Imports only
//! point downward:
//!
//! ```text
//! main
//! file  sysfs  debugfs  configfs      user interfaces
//! context                             the parts of the loaded module
//! source                              sources of events
//! bus                                 one lock, one order, the shared queue, the sinks
//! sink                                one receiver
//! queue                               data structures
//! event  clock  text  trace  uapi
//! kernel_ext                          extensions of the kernel crate
//! ```
//!
//! # The path of an edge
//!
//! 1. The GPIO chip raises an interrupt; `source/gpio/edges` reads the time, counts the edge, and
//!    gets the level after it from `source/gpio/level`.
//! 2. A line that the driver debounces starts its timer instead, and continues when that expires.
//! 3. [`bus::Bus::report`] takes the bus lock, with interrupts off on this CPU.
//! 4. The event gets its number within its line, and the line's level is stored.
//! 5. The bus looks up which sinks want this line. Other sinks cost nothing.
//! 6. Each of these sinks filters by kind, converts the time to its clock, and writes a record to
//!    its ring; a full one loses this event, or its oldest.
//! 7. The sink returns whom to notify: nobody yet, its watermark timer, or its waiters.
//! 8. The shared queue takes the event, too.
//! 9. The bus lock is released.
//! 10. Under RCU, which keeps sinks alive that are closed meanwhile, sleepers and pollers are woken,
//!     and `SIGIO` is sent.
//! 11. The woken reader returns to `file/private`, takes its reader's lock, and copies contiguous
//!     parts of the ring to the program, without the bus lock.
//! 12. Events that it could not copy stay. The slots that it read return to the producer.
//! 13. If events are left, it wakes the next reader.
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
//! - For a chip that raises hard interrupts but sleeps when its level is read (gpio-sim), each
//!   interrupt is assumed to change the level: two edges that share an interrupt invert the levels
//!   until the device is bound again.

mod bus;
mod clock;
mod configfs;
mod context;
mod debugfs;
mod event;
mod file;
mod kernel_ext;
mod queue;
mod sink;
mod source;
mod sysfs;
mod text;
mod trace;
mod uapi;

use bus::Bus;
use configfs::Configfs;
use context::Context;
use kernel::{
    c_str,
    driver,
    miscdevice::MiscDeviceOptions,
    platform,
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    misc_device,
    params,
    published::Publication,
    rcu, //
};
use source::gpio::{
    driver::Lines,
    Gpio,
    GPIO, //
};

/// The loaded module. Fields are dropped in this order: the device, the lines, and then what both
/// use.
#[pin_data]
struct MyPoll {
    #[pin]
    device: misc_device::Registration<file::OpenFile>,
    _debug_folder: Option<debugfs::DebugFolder>,
    #[pin]
    configfs: Configfs,
    #[pin]
    driver: driver::Registration<platform::Adapter<Lines>>,
    _published: Publication<Gpio>,
    context: Arc<Context>,
    _barrier: RcuBarrier,
}

/// On drop, waits for pending RCU callbacks.
struct RcuBarrier;

impl Drop for RcuBarrier {
    fn drop(&mut self) {
        rcu::barrier();
    }
}

impl kernel::InPlaceModule for MyPoll {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _barrier: RcuBarrier,
            context: {
                let bus = Bus::new(params::queue_size(), params::queues_max())?;
                let gpio = Arc::pin_init(Gpio::new(bus.clone()), GFP_KERNEL)?;
                Context::new(bus, gpio)?
            },
            _published: GPIO.publish(context.gpio.clone())?,
            _debug_folder: params::debugfs()
                .then(|| debugfs::debug_folder(context.clone()))
                .transpose()?,
            driver <- driver::Registration::new(<Self as kernel::ModuleMetadata>::NAME, module),
            configfs <- Configfs::new(),
            // Last, because nothing can fail any more: a file that is opened at once keeps the module
            // loaded.
            device <- misc_device::Registration::new(
                MiscDeviceOptions { name: c_str!("mypoll") },
                context.clone(),
                sysfs::show,
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
