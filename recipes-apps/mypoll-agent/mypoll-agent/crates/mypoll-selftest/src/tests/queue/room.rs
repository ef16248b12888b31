// SPDX-License-Identifier: MIT OR Apache-2.0

//! POLLOUT when private queues decide whether a trigger is accepted: the shared queue is, or was, full.

use anyhow::Result;
use mypoll::uapi::{self, Config};
use nix::poll::PollFlags;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::handle::WRITABLE;
use crate::queue::Queue;
use crate::sleeper::Sleeper;

tests!("queue.room":
    a_queue_that_takes_triggers_is_room,
    a_new_filter_that_takes_triggers_is_room,
    a_read_makes_room_for_queues_without_triggers,
    a_new_filter_waits_for_the_shared_queue,
);

fn no_triggers() -> Config {
    Config {
        sources: 1 << uapi::SOURCE_GPIO,
        ..Default::default()
    }
}

/// A plain file, and files with queues that take no triggers, each asleep until it is writable.
fn sleepers(device: &Device) -> Result<Vec<Sleeper<Result<PollFlags>>>> {
    let queue = Queue::open(device, no_triggers())?;
    let watermark = Queue::open(
        device,
        Config {
            watermark_us: 1_000_000,
            ..no_triggers()
        },
    )?;
    device.open_nonblocking()?.fill()?;
    [device.open()?, queue.dup()?, watermark.dup()?]
        .into_iter()
        .map(|handle| {
            expect_eq("poll", handle.readiness()?.contains(WRITABLE), false)?;
            let sleeper = Sleeper::spawn(move || handle.wait(WRITABLE))?;
            sleeper.wait_asleep()?;
            Ok(sleeper)
        })
        .collect()
}

fn expect_woken(sleepers: Vec<Sleeper<Result<PollFlags>>>) -> Result<()> {
    sleepers
        .into_iter()
        .try_for_each(|sleeper| expect_eq("poll", sleeper.join()??, WRITABLE))
}

fn a_queue_that_takes_triggers_is_room(device: &Device) -> Result<()> {
    let sleepers = sleepers(device)?;
    let _queue = Queue::open(device, Config::default())?;
    expect_woken(sleepers)
}

fn a_new_filter_that_takes_triggers_is_room(device: &Device) -> Result<()> {
    let queue = Queue::open(device, no_triggers())?;
    let sleepers = sleepers(device)?;
    queue.configure(Config::default())?;
    expect_woken(sleepers)
}

fn a_read_makes_room_for_queues_without_triggers(device: &Device) -> Result<()> {
    let sleepers = sleepers(device)?;
    device.open()?.event()?;
    expect_woken(sleepers)
}

/// An epoll set determines the wait queue when a file is added, and never again.
fn a_new_filter_waits_for_the_shared_queue(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&*queue, EpollEvent::new(EpollFlags::EPOLLOUT, 0))?;
    expect_eq("at first", ready(&epoll, EpollTimeout::ZERO)?, 1)?;
    queue.configure(no_triggers())?;
    let shared = device.open_nonblocking()?;
    shared.fill()?;
    expect_eq("when full", ready(&epoll, EpollTimeout::ZERO)?, 0)?;
    let sleeper = Sleeper::spawn(move || ready(&epoll, EpollTimeout::NONE))?;
    sleeper.wait_asleep()?;
    shared.event()?;
    expect_eq("with room", sleeper.join()??, 1)
}

/// The number of files that epoll_wait reports.
fn ready(epoll: &Epoll, timeout: EpollTimeout) -> Result<usize> {
    Ok(epoll.wait(&mut [EpollEvent::empty()], timeout)?)
}
