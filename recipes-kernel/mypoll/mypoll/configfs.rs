// SPDX-License-Identifier: GPL-2.0-only

//! GPIO lines configured in configfs: each directory in /sys/kernel/config/mypoll is a line.
//!
//! ```sh
//! $ mkdir /sys/kernel/config/mypoll/button
//! $ cd /sys/kernel/config/mypoll/button
//! $ echo gpiochip0 > chip; echo 17 > offset; echo 1 > live
//! ```
//!
//! A live line is removed when its chip is, and comes back with it.

#[cfg(CONFIG_CONFIGFS_FS)]
mod item;
#[cfg(CONFIG_CONFIGFS_FS)]
mod settings;

#[cfg(CONFIG_CONFIGFS_FS)]
pub(crate) use item::Configfs;

#[cfg(not(CONFIG_CONFIGFS_FS))]
mod absent {
    use kernel::prelude::*;

    /// Replaces the directory in a kernel without configfs.
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
