// SPDX-License-Identifier: MIT OR Apache-2.0

//! SIGIO of a queue: sent when an event makes it readable, or finds it readable.

use anyhow::{Context, Result};
use mypoll::uapi::{self, Config};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::unistd::Pid;

use super::read::both_policies;
use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::queue::Queue;
use crate::tests::sigio::{Inbox, notify};

tests!("queue.sigio":
    each_event_sends_one,
    none_below_the_watermark,
    when_the_time_is_over,
    none_for_what_the_filter_leaves_out,
    none_for_events_of_the_shared_queue_alone,
    reconfiguring_keeps_it,
    off_when_o_async_is_cleared,
    ends_with_the_file,
);

/// A queue with SIGIO enabled, and the inbox for it.
fn notified(device: &Device, config: Config) -> Result<(Queue, Inbox)> {
    let inbox = Inbox::new(libc::SIGIO)?;
    let queue = Queue::open(device, config)?;
    notify(&queue, Pid::this())?;
    Ok((queue, inbox))
}

fn each_event_sends_one(device: &Device) -> Result<()> {
    for config in both_policies() {
        let (queue, inbox) = notified(device, config)?;
        for _ in 0..3 {
            device.open()?.trigger()?;
            inbox.next()?;
        }
        inbox.expect_none()?;
        expect_eq("events", queue.drain_records()?.len(), 3)?;
    }
    Ok(())
}

fn none_below_the_watermark(device: &Device) -> Result<()> {
    for config in both_policies() {
        let watermark_events = 3;
        let (queue, inbox) = notified(
            device,
            Config {
                watermark_events,
                ..config
            },
        )?;
        queue.triggers(2)?;
        inbox.expect_none()?;
        queue.trigger()?;
        inbox.next()?;
        queue.trigger()?;
        inbox.next()?;
        inbox.expect_none()?;
    }
    Ok(())
}

fn when_the_time_is_over(device: &Device) -> Result<()> {
    for config in both_policies() {
        let (queue, inbox) = notified(
            device,
            Config {
                watermark_events: 100,
                watermark_us: 1000,
                ..config
            },
        )?;
        queue.trigger()?;
        inbox.next()?;
        inbox.expect_none()?;
    }
    Ok(())
}

fn none_for_what_the_filter_leaves_out(device: &Device) -> Result<()> {
    let sources = 1 << uapi::SOURCE_TIMER;
    let (queue, inbox) = notified(
        device,
        Config {
            sources,
            ..Default::default()
        },
    )?;
    queue.triggers(3)?;
    inbox.expect_none()?;
    queue.command("start 1")?;
    inbox.next()?;
    queue.command("stop")
}

/// The shared queue has a separate list of recipients.
fn none_for_events_of_the_shared_queue_alone(device: &Device) -> Result<()> {
    let sources = 1 << uapi::SOURCE_TIMER;
    let (queue, inbox) = notified(
        device,
        Config {
            sources,
            ..Default::default()
        },
    )?;
    let plain = device.open_nonblocking()?;
    notify(&plain, Pid::this())?;
    queue.trigger()?;
    inbox.next()?;
    inbox.expect_none()?;
    drop(plain);
    queue.trigger()?;
    inbox.expect_none()
}

fn reconfiguring_keeps_it(device: &Device) -> Result<()> {
    let (queue, inbox) = notified(device, Config::default())?;
    for config in both_policies() {
        queue.configure(config)?;
        queue.trigger()?;
        inbox.next()?;
        inbox.expect_none()?;
    }
    Ok(())
}

fn off_when_o_async_is_cleared(device: &Device) -> Result<()> {
    let (queue, inbox) = notified(device, Config::default())?;
    fcntl(&*queue, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).context("F_SETFL")?;
    queue.trigger()?;
    inbox.expect_none()
}

fn ends_with_the_file(device: &Device) -> Result<()> {
    let (queue, inbox) = notified(device, Config::default())?;
    drop(queue);
    device.open()?.trigger()?;
    inbox.expect_none()
}
