// SPDX-License-Identifier: GPL-2.0-only

//! GPIO lines that users describe in configfs: each directory in /sys/kernel/config/mypoll is one.
//!
//! ```sh
//! $ mkdir /sys/kernel/config/mypoll/button
//! $ cd /sys/kernel/config/mypoll/button
//! $ echo gpiochip0 > chip; echo 17 > offset; echo 1 > live
//! ```
//!
//! A line that is live goes when its chip does, and comes back with it.

#[cfg(CONFIG_CONFIGFS_FS)]
mod item;
#[cfg(CONFIG_CONFIGFS_FS)]
mod settings;

#[cfg(CONFIG_CONFIGFS_FS)]
pub(crate) use item::Configfs;

#[cfg(not(CONFIG_CONFIGFS_FS))]
mod absent {
    use kernel::prelude::*;

    /// Stands for the directory in a kernel without configfs.
    #[pin_data]
    pub(crate) struct Configfs {}

    impl Configfs {
        /// Creates nothing.
        pub(crate) fn new() -> impl PinInit<Self, Error> {
            try_pin_init!(Self {}? Error)
        }
    }
}

#[cfg(not(CONFIG_CONFIGFS_FS))]
pub(crate) use absent::Configfs;
