// SPDX-License-Identifier: MIT OR Apache-2.0

//! The driver without memory: it returns `ENOMEM`, and its state stays the same.

use std::io;

use anyhow::{Error, Result};
use mypoll::uapi::{Config, OVERFLOW_DROP_OLDEST};
use nix::errno::Errno;

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::failing_memory::FailingMemory;
use crate::handle::Handle;
use crate::queue::Queue;

tests!("enomem":
    open,
    configure,
    reconfigure_keeps_events,
    start_keeps_the_timer,
    bind,
);

fn open_node(device: &Device) -> nix::Result<Handle> {
    Handle::open(&device.node, true)
        .map_err(|error| Errno::try_from(error).unwrap_or(Errno::UnknownErrno))
}

fn open(device: &Device) -> Result<()> {
    FailingMemory::new()?.each(
        || open_node(device),
        || {
            // The device still has its queue.
            let handle = device.open_nonblocking()?;
            handle.trigger()?;
            expect_eq("source", handle.event()?.source.as_str(), "manual")
        },
    )
}

fn configure(device: &Device) -> Result<()> {
    for overflow in [0, OVERFLOW_DROP_OLDEST] {
        let config = Config {
            overflow,
            ..Config::default()
        };
        let configure = || {
            // A file without a queue each time.
            open_node(device)?.configure(config)
        };
        FailingMemory::new()?.each(configure, || {
            expect_eq("private queues", device.statistic("private_queues")?, 0)
        })?;
    }
    Ok(())
}

fn reconfigure_keeps_events(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    queue.triggers(3)?;
    let larger = Config {
        capacity: 100,
        overflow: OVERFLOW_DROP_OLDEST,
        ..Config::default()
    };
    FailingMemory::new()?.each(|| queue.configure(larger), || queue.expect_account(0, 0, 3))
}

fn start_keeps_the_timer(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 3600000")?;
    FailingMemory::new()?.each(
        || handle.write("start 3600000"),
        || expect_eq("timer_running", device.statistic("timer_running")?, 1),
    )
}

/// Adds all lines as before, or none.
fn bind(device: &Device) -> Result<()> {
    let lines = device.lines()?;
    let binding = device.binding()?;
    binding.unbind()?;
    let errno = |error: Error| match error.downcast_ref::<io::Error>() {
        Some(error) => Errno::from_raw(error.raw_os_error().unwrap_or(0)),
        None => Errno::UnknownErrno,
    };
    FailingMemory::new()?.some(
        || binding.bind().map_err(errno),
        || {
            if !binding.is_bound() {
                return expect_eq("lines", device.lines()?, Vec::new());
            }
            expect_eq("lines", &device.lines()?, &lines)?;
            binding.unbind()
        },
    )
}
