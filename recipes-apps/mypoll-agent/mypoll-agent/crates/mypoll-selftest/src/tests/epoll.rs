// SPDX-License-Identifier: MIT OR Apache-2.0

//! epoll: level and edge triggered, one-shot, for each flag.

use anyhow::Result;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::handle::{Handle, LINE_MAX};
use crate::sleeper::Sleeper;

tests!("epoll":
    level_reports_until_drained,
    edge_reports_each_event_once,
    edge_wakes_a_sleeper_after_draining,
    edge_of_an_event_on_an_undrained_queue,
    oneshot_reports_once_until_rearmed,
    epollout_is_false_when_full,
    epollout_edge_wakes_a_sleeper,
    epollpri_wakes_a_sleeper,
    timer_wakes_a_sleeper,
    two_sets_are_both_woken,
    exclusive_waiters_are_all_woken,
    exclusive_waiter_for_room_leaves_readers_theirs,
    closed_file_leaves_the_set,
);

/// An epoll set that watches one file.
fn watch(handle: &Handle, flags: EpollFlags) -> Result<Epoll> {
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    epoll.add(handle, EpollEvent::new(flags, 0))?;
    Ok(epoll)
}

/// The events that epoll_wait reports; empty if no file is ready.
fn report(epoll: &Epoll, timeout: EpollTimeout) -> Result<EpollFlags> {
    let mut ready = [EpollEvent::empty(); 2];
    let count = epoll.wait(&mut ready, timeout)?;
    Ok(ready[..count]
        .iter()
        .fold(EpollFlags::empty(), |flags, event| flags | event.events()))
}

fn now(epoll: &Epoll) -> Result<EpollFlags> {
    report(epoll, EpollTimeout::ZERO)
}

/// A thread that sleeps in epoll_wait.
fn sleeper(epoll: Epoll) -> Result<Sleeper<Result<EpollFlags>>> {
    let sleeper = Sleeper::spawn(move || report(&epoll, EpollTimeout::NONE))?;
    sleeper.wait_asleep()?;
    Ok(sleeper)
}

const NOTHING: EpollFlags = EpollFlags::empty();
const IN: EpollFlags = EpollFlags::EPOLLIN;
const OUT: EpollFlags = EpollFlags::EPOLLOUT;
const EDGE: EpollFlags = EpollFlags::EPOLLET;
const EXCLUSIVE: EpollFlags = EpollFlags::EPOLLEXCLUSIVE;

fn level_reports_until_drained(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let epoll = watch(&handle, IN)?;
    expect_eq("before an event", now(&epoll)?, NOTHING)?;
    handle.trigger()?;
    handle.trigger()?;
    expect_eq("two events", now(&epoll)?, IN)?;
    expect_eq("still two", now(&epoll)?, IN)?;
    handle.event()?;
    expect_eq("one left", now(&epoll)?, IN)?;
    handle.event()?;
    expect_eq("drained", now(&epoll)?, NOTHING)
}

fn edge_reports_each_event_once(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let epoll = watch(&handle, IN | EDGE)?;
    handle.trigger()?;
    expect_eq("an event", now(&epoll)?, IN)?;
    expect_eq("the same event", now(&epoll)?, NOTHING)?;
    handle.drain()?;
    expect_eq("drained", now(&epoll)?, NOTHING)?;
    handle.trigger()?;
    expect_eq("the next event", now(&epoll)?, IN)
}

fn edge_wakes_a_sleeper_after_draining(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let epoll = watch(&handle, IN | EDGE)?;
    handle.trigger()?;
    now(&epoll)?;
    handle.drain()?;
    let sleeper = sleeper(epoll)?;
    handle.trigger()?;
    expect_eq("epoll_wait", sleeper.join()??, IN)
}

fn edge_of_an_event_on_an_undrained_queue(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let epoll = watch(&handle, IN | EDGE)?;
    handle.trigger()?;
    now(&epoll)?;
    let sleeper = sleeper(epoll)?;
    handle.trigger()?;
    expect_eq("epoll_wait", sleeper.join()??, IN)
}

fn oneshot_reports_once_until_rearmed(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let flags = IN | EpollFlags::EPOLLONESHOT;
    let epoll = watch(&handle, flags)?;
    handle.trigger()?;
    expect_eq("an event", now(&epoll)?, IN)?;
    handle.trigger()?;
    expect_eq("the next event", now(&epoll)?, NOTHING)?;
    epoll.modify(&handle, &mut EpollEvent::new(flags, 0))?;
    expect_eq("rearmed", now(&epoll)?, IN)?;
    handle.drain()?;
    epoll.modify(&handle, &mut EpollEvent::new(flags, 0))?;
    expect_eq("rearmed, drained", now(&epoll)?, NOTHING)
}

fn epollout_is_false_when_full(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let epoll = watch(&handle, OUT)?;
    expect_eq("empty", now(&epoll)?, OUT)?;
    handle.fill()?;
    expect_eq("full", now(&epoll)?, NOTHING)?;
    handle.event()?;
    expect_eq("room for one", now(&epoll)?, OUT)?;
    handle.trigger()?;
    expect_eq("full again", now(&epoll)?, NOTHING)
}

fn epollout_edge_wakes_a_sleeper(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    let sleeper = sleeper(watch(&handle, OUT | EDGE)?)?;
    handle.event()?;
    expect_eq("epoll_wait", sleeper.join()??, OUT)
}

fn epollpri_wakes_a_sleeper(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    let sleeper = sleeper(watch(&handle, EpollFlags::EPOLLPRI)?)?;
    handle.command("start 1")?;
    expect_eq("epoll_wait", sleeper.join()??, EpollFlags::EPOLLPRI)
}

fn timer_wakes_a_sleeper(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let sleeper = sleeper(watch(&handle, IN | EDGE)?)?;
    handle.command("start 5")?;
    expect_eq("epoll_wait", sleeper.join()??, IN)
}

fn two_sets_are_both_woken(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let other = device.open_nonblocking()?;
    let sleepers = [sleeper(watch(&handle, IN)?)?, sleeper(watch(&other, IN)?)?];
    handle.trigger()?;
    sleepers
        .into_iter()
        .try_for_each(|sleeper| expect_eq("epoll_wait", sleeper.join()??, IN))
}

fn exclusive_waiters_are_all_woken(device: &Device) -> Result<()> {
    expect_all_exclusive_waiters_woken(&device.open()?)
}

/// Expects one event to wake each epoll set with EPOLLEXCLUSIVE.
pub(super) fn expect_all_exclusive_waiters_woken(handle: &Handle) -> Result<()> {
    let sleepers = (0..3)
        .map(|_| sleeper(watch(handle, IN | EXCLUSIVE)?))
        .collect::<Result<Vec<_>>>()?;
    handle.trigger()?;
    sleepers
        .into_iter()
        .try_for_each(|sleeper| expect_eq("epoll_wait", sleeper.join()??, IN))
}

fn exclusive_waiter_for_room_leaves_readers_theirs(device: &Device) -> Result<()> {
    expect_reader_woken_beside_exclusive_waiter(device.open()?)
}

/// Expects an event to wake a reader even though an epoll set with EPOLLEXCLUSIVE, which waits for no events, was
/// first.
pub(super) fn expect_reader_woken_beside_exclusive_waiter(handle: Handle) -> Result<()> {
    let writer = handle.dup()?;
    let epoll = watch(&handle, OUT | EDGE | EXCLUSIVE)?;
    expect_eq("room", now(&epoll)?, OUT)?;
    let _waiter = sleeper(epoll)?;
    let reader = Sleeper::spawn(move || handle.read(&mut [0; LINE_MAX]).map(drop))?;
    reader.wait_asleep()?;
    writer.trigger()?;
    expect_eq("read", reader.join()?, Ok(()))
}

/// The set outlives the file, and the driver keeps no reference to either.
fn closed_file_leaves_the_set(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let epoll = watch(&handle, IN)?;
    drop(handle);
    device.open()?.trigger()?;
    expect_eq("epoll_wait", now(&epoll)?, NOTHING)
}
