// SPDX-License-Identifier: MIT OR Apache-2.0

//! MYPOLL_CONFIGURE is atomic: others see the queue before or after it, never in between.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use mypoll::uapi::{self, Config};
use nix::errno::Errno;

use super::fdinfo::numbers;
use super::tests;
use crate::check::{expect_eq, rounds};
use crate::device::Device;
use crate::handle::{LOSS, READABLE};
use crate::queue::Queue;

tests!("queue.reconfigure.atomic":
    events_that_wait_stay_readable,
    account_of_events_that_wait,
    account_while_events_come_and_go,
    losses_stay_told,
    fdinfo_adds_up,
    nonblocking_read_finds_the_events,
);

/// Different policies and capacities, all large enough for 8 events.
const SETTINGS: [(u32, u32); 4] = [
    (uapi::OVERFLOW_DROP_NEWEST, 8),
    (uapi::OVERFLOW_DROP_OLDEST, 100),
    (uapi::OVERFLOW_DROP_NEWEST, 4096),
    (uapi::OVERFLOW_DROP_OLDEST, 9),
];

/// The number of observations.
const LOOKS: u32 = 4000;

fn config((overflow, capacity): (u32, u32)) -> Config {
    Config {
        capacity,
        overflow,
        ..Config::default()
    }
}

/// Calls `look` repeatedly while another thread reconfigures the queue, at least until it has had each of the settings.
fn while_reconfigured(queue: &Queue, mut look: impl FnMut() -> Result<()>) -> Result<()> {
    let done = AtomicBool::new(false);
    let changes = AtomicUsize::new(0);
    thread::scope(|scope| {
        let changer = scope.spawn(|| -> nix::Result<()> {
            while !done.load(Ordering::Relaxed) {
                let change = changes.load(Ordering::Relaxed);
                queue.configure(config(SETTINGS[change % SETTINGS.len()]))?;
                changes.store(change + 1, Ordering::Relaxed);
            }
            Ok(())
        });
        let mut looked =
            rounds(LOOKS).try_for_each(|number| look().with_context(|| format!("look {number}")));
        while looked.is_ok()
            && changes.load(Ordering::Relaxed) < SETTINGS.len()
            && !changer.is_finished()
        {
            looked = look();
        }
        done.store(true, Ordering::Relaxed);
        changer
            .join()
            .map_err(|_| anyhow!("the changer panicked"))??;
        looked
    })
}

fn events_that_wait_stay_readable(device: &Device) -> Result<()> {
    let queue = Queue::open(device, config(SETTINGS[0]))?;
    queue.triggers(3)?;
    while_reconfigured(&queue, || {
        let ready = queue.readiness()?;
        ensure!(
            ready.contains(READABLE),
            "seen {ready:?}, expected {READABLE:?} of 3 events"
        );
        Ok(())
    })
}

fn account_of_events_that_wait(device: &Device) -> Result<()> {
    let queue = Queue::open(device, config(SETTINGS[0]))?;
    queue.triggers(5)?;
    queue.read_records(2)?;
    while_reconfigured(&queue, || queue.expect_account(2, 0, 3))
}

/// Each observation checks the sum; neither counter ever decreases.
fn account_while_events_come_and_go(device: &Device) -> Result<()> {
    let queue = Queue::open(device, config(SETTINGS[0]))?;
    let reader = queue.dup()?;
    let mut before = queue.stats()?;
    let mut events = 0;
    while_reconfigured(&queue, || {
        queue.trigger()?;
        events += 1;
        if events % 3 == 0 {
            match reader.read(&mut [0; 128]) {
                Ok(_) | Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        let stats = queue.stats()?;
        expect_eq("generated", stats.generated, events)?;
        ensure!(
            stats.read >= before.read && stats.lost >= before.lost,
            "seen {stats:?} after {before:?}"
        );
        before = stats;
        Ok(())
    })
}

fn losses_stay_told(device: &Device) -> Result<()> {
    let queue = Queue::open(device, config(SETTINGS[0]))?;
    queue.triggers(9)?;
    while_reconfigured(&queue, || {
        queue.expect_account(0, 1, 8)?;
        let ready = queue.readiness()?;
        ensure!(
            ready.contains(READABLE | LOSS),
            "seen {ready:?}, expected {LOSS:?} too"
        );
        Ok(())
    })
}

fn fdinfo_adds_up(device: &Device) -> Result<()> {
    let queue = Queue::open(device, config(SETTINGS[0]))?;
    queue.triggers(5)?;
    queue.read_records(1)?;
    while_reconfigured(&queue, || {
        let [generated, read, lost, depth, capacity] =
            numbers(&queue, ["generated", "read", "lost", "depth", "capacity"])?;
        expect_eq(
            "generated, read, lost and depth",
            (generated, read, lost, depth),
            (5, 1, 0, 4),
        )?;
        ensure!(
            SETTINGS
                .iter()
                .any(|setting| u64::from(setting.1) == capacity),
            "seen capacity {capacity}"
        );
        Ok(())
    })
}

fn nonblocking_read_finds_the_events(device: &Device) -> Result<()> {
    let queue = Queue::open(device, config(SETTINGS[0]))?;
    let reader = queue.dup()?;
    let mut sequence = 0;
    while_reconfigured(&queue, || {
        queue.trigger()?;
        sequence += 1;
        let mut record = [0; 32];
        let length = reader.read(&mut record).context("read")?;
        expect_eq("bytes", length, record.len())?;
        let seen = u32::from_ne_bytes(record[8..12].try_into()?);
        expect_eq("sequence", seen, sequence)
    })
}
