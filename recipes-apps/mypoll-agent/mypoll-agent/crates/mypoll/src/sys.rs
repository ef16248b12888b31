// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operations without a safe API: the driver's ioctls, a read into records, the state of the clock, tokio's `AsyncFd`.
//!
//! On other kinds of files the ioctls fail with `ENOTTY`: no other driver uses these numbers.
#![expect(
    unsafe_code,
    reason = "system calls take memory and descriptors as numbers"
)]

use std::{io, os::fd::AsFd, slice};

use rustix::ioctl::{Getter, Opcode, Setter, Updater, ioctl};
#[cfg(feature = "tokio")]
use tokio::io::{Interest, unix::AsyncFd};

#[cfg(feature = "tokio")]
use crate::Queue;
use crate::{ioctl as number, queue::Record, uapi};

/// `MYPOLL_CONFIGURE`.
pub(crate) fn configure(file: impl AsFd, config: uapi::Config) -> io::Result<()> {
    // SAFETY: This ioctl reads a `struct mypoll_config`, which `uapi::Config` is, and nothing else.
    unsafe {
        let configure = Setter::<{ number::CONFIGURE as Opcode }, uapi::Config>::new(config);
        Ok(ioctl(file, configure)?)
    }
}

/// `MYPOLL_GET_STATS`.
pub(crate) fn stats(file: impl AsFd) -> io::Result<uapi::Stats> {
    // SAFETY: This ioctl writes a whole `struct mypoll_stats`, which `uapi::Stats` is, or fails.
    unsafe {
        let get = Getter::<{ number::GET_STATS as Opcode }, uapi::Stats>::new();
        Ok(ioctl(file, get)?)
    }
}

/// `MYPOLL_GET_INFO`.
pub(crate) fn info(file: impl AsFd) -> io::Result<uapi::Info> {
    // SAFETY: This ioctl writes a whole `struct mypoll_info`, which `uapi::Info` is, or fails.
    unsafe {
        let get = Getter::<{ number::GET_INFO as Opcode }, uapi::Info>::new();
        Ok(ioctl(file, get)?)
    }
}

/// `MYPOLL_GET_LEVELS`.
pub(crate) fn levels(file: impl AsFd) -> io::Result<uapi::Levels> {
    // SAFETY: This ioctl writes a whole `struct mypoll_levels`, which `uapi::Levels` is, or fails.
    unsafe {
        let get = Getter::<{ number::GET_LEVELS as Opcode }, uapi::Levels>::new();
        Ok(ioctl(file, get)?)
    }
}

/// `MYPOLL_GET_LINE` for the line with this number.
pub(crate) fn line(file: impl AsFd, number: u32) -> io::Result<uapi::Line> {
    let mut line = uapi::Line {
        number,
        ..Default::default()
    };
    // SAFETY: This ioctl reads and writes a `struct mypoll_line`, which `uapi::Line` is; any bytes make a valid one.
    unsafe {
        let get = Updater::<{ number::GET_LINE as Opcode }, uapi::Line>::new(&mut line);
        ioctl(file, get)?;
    }
    Ok(line)
}

/// Whether an NTP client keeps the system clock synchronized, by what it told the kernel (adjtimex(2)), so that the
/// wall-clock times of events are right.
pub fn clock_is_synchronized() -> bool {
    // SAFETY: zeroes are a valid `timex`; with `modes` 0 the kernel only writes to it.
    unsafe {
        let mut state: libc::timex = std::mem::zeroed();
        libc::adjtimex(&mut state) >= 0 && state.status & libc::STA_UNSYNC == 0
    }
}

/// One read(2) into `records`. Returns the number of bytes.
pub(crate) fn read(file: impl AsFd, records: &mut [Record]) -> io::Result<usize> {
    // SAFETY: A record consists of integers without padding: its bytes are initialised, and any bytes make a valid record.
    // Nothing else uses `records` while `bytes` lives.
    let bytes = unsafe {
        slice::from_raw_parts_mut(records.as_mut_ptr().cast::<u8>(), size_of_val(records))
    };
    Ok(rustix::io::read(file, bytes)?)
}

/// Waits for the queue in the reactor of the current tokio runtime.
#[cfg(feature = "tokio")]
pub(crate) fn register(queue: Queue) -> io::Result<AsyncFd<Queue>> {
    // SAFETY: A `Queue` owns its descriptor, returns no other one, and closes it when dropped.
    Ok(unsafe { AsyncFd::register_with_interest(queue, Interest::READABLE) }?)
}
