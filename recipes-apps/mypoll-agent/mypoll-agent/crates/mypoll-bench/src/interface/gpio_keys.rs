// SPDX-License-Identifier: MIT OR Apache-2.0

//! gpio-keys, read by evdev.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::libc;

use super::{Interface, open_nonblocking, u64_at};
use crate::binding::Driver;
use crate::chip::Chip;

/// `struct input_event` of <linux/input.h>. Each edge produces two: EV_KEY and EV_SYN.
///
/// The time stamp is in whole microseconds, and taken where gpio-keys reports the key: in a work
/// item, not in the interrupt handler.
pub(crate) enum GpioKeys {}

/// The label of the device in the device tree.
const LABEL: &str = "mypoll-bench";

const EV_KEY: u16 = 1;

nix::ioctl_write_ptr!(set_clock, b'E', 0xa0, libc::c_int); // EVIOCSCLOCKID

impl GpioKeys {
    /// The driver of the line.
    pub(crate) const DRIVER: Driver = Driver {
        name: "gpio-keys",
        device: "bench-keys",
    };
}

impl Interface for GpioKeys {
    const NAME: &str = "gpio-keys";
    const RECORD: usize = 24;
    const RECORDS_PER_EDGE: usize = 2;
    /// Of the 64 records of an evdev buffer, one stays free, and one is reserved for SYN_DROPPED.
    const CAPACITY: usize = 31;

    fn open(_: &Chip) -> Result<OwnedFd> {
        let file = open_nonblocking(&node()?)?;
        // SAFETY: It reads one int.
        unsafe { set_clock(file.as_raw_fd(), &libc::CLOCK_MONOTONIC) }.context("EVIOCSCLOCKID")?;
        Ok(file.into())
    }

    fn timestamp_ns(records: &[u8]) -> u64 {
        u64_at(records, 0) * 1_000_000_000 + u64_at(records, 8) * 1000
    }

    fn is_edge(record: &[u8]) -> bool {
        record[16..18] == EV_KEY.to_ne_bytes()
    }

    fn lost(_: &[u8]) -> Option<u64> {
        // SYN_DROPPED does not tell how many.
        None
    }
}

fn node() -> Result<PathBuf> {
    let class = Path::new("/sys/class/input");
    for entry in fs::read_dir(class).context("reading /sys/class/input")? {
        let name = entry?.file_name();
        let device = class.join(&name).join("device/name");
        if name.as_encoded_bytes().starts_with(b"event")
            && fs::read_to_string(device)?.trim_end() == LABEL
        {
            return Ok(Path::new("/dev/input").join(name));
        }
    }
    bail!("no input device is called {LABEL}: is gpio_keys loaded?")
}
