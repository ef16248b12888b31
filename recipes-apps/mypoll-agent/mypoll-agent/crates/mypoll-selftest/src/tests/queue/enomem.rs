// SPDX-License-Identifier: MIT OR Apache-2.0

//! Memory that can't be had: each allocation of a call fails once, and nothing is changed then.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use mypoll::uapi::Config;
use nix::errno::Errno;

use super::read::both_policies;
use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::Handle;
use crate::queue::{Queue, sequences};
use crate::runner::skip;

tests!("queue.enomem":
    configure_leaves_a_plain_file,
    reconfigure_keeps_queue_and_events,
    open_fails_or_opens,
);

/// Which allocation of this thread's next calls fails, counted from 1; 0 once it did
/// (Documentation/fault-injection of the kernel).
const FAIL_NTH: &str = "/proc/thread-self/fail-nth";
const FAILSLAB: &str = "/sys/kernel/debug/failslab";

/// Makes `call` with one allocation after the other failing, until all succeed. Each result is for
/// `look`, which says whether the call failed.
fn with_each_allocation_failing<T>(
    call: impl Fn() -> T,
    mut look: impl FnMut(T) -> Result<bool>,
) -> Result<()> {
    let failslab = Path::new(FAILSLAB);
    if !Path::new(FAIL_NTH).exists() || !failslab.exists() {
        skip!("no {FAIL_NTH} or {FAILSLAB}: the kernel injects no failures");
    }
    // Allocations that may sleep, too, and without a word in the log.
    fs::write(failslab.join("ignore-gfp-wait"), "N").context("ignore-gfp-wait")?;
    fs::write(failslab.join("verbose"), "0").context("verbose")?;
    let mut failures = 0;
    for nth in 1..1000 {
        fs::write(FAIL_NTH, nth.to_string()).context(FAIL_NTH)?;
        let result = call();
        let left = fs::read_to_string(FAIL_NTH).context(FAIL_NTH)?;
        fs::write(FAIL_NTH, "0").context(FAIL_NTH)?;
        failures += usize::from(look(result)?);
        if left.trim() != "0" {
            ensure!(failures > 0, "no allocation failed");
            return Ok(());
        }
    }
    bail!("more than 1000 allocations")
}

fn configure_leaves_a_plain_file(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queues = device.statistic("private_queues")?;
        with_each_allocation_failing(
            || {
                let handle = device.open_nonblocking()?;
                let configured = handle.configure(config);
                anyhow::Ok((handle, configured))
            },
            |opened| {
                // That the file could not be opened is for another test.
                let Ok((handle, configured)) = opened else {
                    return Ok(true);
                };
                handle.trigger()?;
                if configured.is_ok() {
                    device.open_nonblocking()?.drain()?;
                    return Ok(false);
                }
                expect_errno("MYPOLL_CONFIGURE", configured, Errno::ENOMEM)?;
                expect_eq(
                    "private_queues",
                    device.statistic("private_queues")?,
                    queues,
                )?;
                expect_eq("events of the plain file", handle.drain()?.len(), 1)?;
                Ok(true)
            },
        )?;
    }
    Ok(())
}

fn reconfigure_keeps_queue_and_events(device: &Device) -> Result<()> {
    for before in both_policies() {
        for after in both_policies() {
            let config = Config {
                capacity: 8,
                ..before
            };
            let queue = Queue::open(device, config)?;
            queue.triggers(5)?;
            let larger = Config {
                capacity: 100,
                ..after
            };
            with_each_allocation_failing(
                || queue.configure(larger),
                |configured| {
                    if configured.is_ok() {
                        return Ok(false);
                    }
                    expect_errno("MYPOLL_CONFIGURE", configured, Errno::ENOMEM)?;
                    expect_eq("capacity", queue.stats()?.capacity, 8)?;
                    queue.expect_account(0, 0, 5)?;
                    Ok(true)
                },
            )?;
            expect_eq("capacity", queue.stats()?.capacity, 100)?;
            queue.trigger()?;
            expect_eq(
                "sequences",
                sequences(&queue.drain_records()?),
                (1..=6).collect(),
            )?;
        }
    }
    Ok(())
}

fn open_fails_or_opens(device: &Device) -> Result<()> {
    with_each_allocation_failing(
        || Handle::open(&device.node, true),
        |opened| match opened {
            Ok(handle) => {
                handle.trigger()?;
                expect_eq("events", handle.drain()?.len(), 1)?;
                Ok(false)
            }
            Err(error) => {
                expect_eq("errno", error.raw_os_error(), Some(Errno::ENOMEM as i32))?;
                Ok(true)
            }
        },
    )
}
