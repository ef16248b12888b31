// SPDX-License-Identifier: MIT OR Apache-2.0

//! poll(2): when each flag is set, and when it wakes a sleeper.

use anyhow::Result;
use nix::errno::Errno;
use nix::poll::PollFlags;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::{Handle, LOSS, READABLE, WRITABLE};
use crate::memory::GuardedPage;
use crate::sleeper::Sleeper;

tests!("poll":
    empty_queue_is_writable_only,
    event_is_readable,
    full_queue_is_not_writable,
    read_of_a_full_queue_makes_room,
    pollin_wakes_a_sleeper,
    pollout_wakes_a_sleeper,
    pollpri_wakes_a_sleeper,
    pollpri_until_a_read,
    pollpri_outlives_a_failing_read,
    enobufs_is_no_loss,
    every_sleeper_is_woken,
);

fn empty_queue_is_writable_only(device: &Device) -> Result<()> {
    expect_eq("poll", device.open()?.readiness()?, WRITABLE)
}

fn event_is_readable(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    expect_eq("poll", handle.readiness()?, READABLE | WRITABLE)?;
    expect_eq(
        "poll of another file",
        device.open()?.readiness()?,
        READABLE | WRITABLE,
    )?;
    handle.event()?;
    expect_eq("poll after the read", handle.readiness()?, WRITABLE)
}

fn full_queue_is_not_writable(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    expect_eq("poll", handle.readiness()?, READABLE)
}

fn read_of_a_full_queue_makes_room(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    handle.event()?;
    let readable = if device.capacity()? > 1 {
        READABLE
    } else {
        PollFlags::empty()
    };
    expect_eq("poll", handle.readiness()?, readable | WRITABLE)
}

/// A thread that sleeps in poll(2) for `events`.
fn sleeper(handle: &Handle, events: PollFlags) -> Result<Sleeper<Result<PollFlags>>> {
    let handle = handle.dup()?;
    let sleeper = Sleeper::spawn(move || handle.wait(events))?;
    sleeper.wait_asleep()?;
    Ok(sleeper)
}

fn pollin_wakes_a_sleeper(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let sleeper = sleeper(&handle, PollFlags::POLLIN)?;
    handle.trigger()?;
    expect_eq("poll", sleeper.join()??, PollFlags::POLLIN)
}

fn pollout_wakes_a_sleeper(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    let sleeper = sleeper(&handle, PollFlags::POLLOUT)?;
    handle.event()?;
    expect_eq("poll", sleeper.join()??, PollFlags::POLLOUT)
}

fn pollpri_wakes_a_sleeper(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    let sleeper = sleeper(&handle, LOSS)?;
    handle.command("start 1")?;
    expect_eq("poll", sleeper.join()??, LOSS)
}

fn pollpri_until_a_read(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    device.lose_events(&handle)?;
    expect_eq("poll after the loss", handle.readiness()?, READABLE | LOSS)?;
    expect_eq("poll once more", handle.readiness()?, READABLE | LOSS)?;
    handle.event()?;
    let after = handle.readiness()?;
    expect_eq("POLLPRI after a read", after.contains(LOSS), false)?;
    handle.drain()?;
    handle.trigger()?;
    expect_eq(
        "poll after the next event",
        handle.readiness()?,
        READABLE | WRITABLE,
    )
}

fn pollpri_outlives_a_failing_read(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    device.lose_events(&handle)?;
    for (result, errno) in [
        (handle.read(&mut [0; 8]), Errno::EINVAL),
        (
            handle.read_to(GuardedPage::new()?.first_end(8), 512),
            Errno::EFAULT,
        ),
    ] {
        expect_errno("read", result, errno)?;
        expect_eq("poll", handle.readiness()?, READABLE | LOSS)?;
    }
    Ok(())
}

fn enobufs_is_no_loss(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    expect_errno("write", handle.write("trigger"), Errno::ENOBUFS)?;
    expect_eq("poll", handle.readiness()?, READABLE)
}

fn every_sleeper_is_woken(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let sleepers = (0..4)
        .map(|_| sleeper(&device.open()?, PollFlags::POLLIN))
        .collect::<Result<Vec<_>>>()?;
    handle.trigger()?;
    sleepers
        .into_iter()
        .try_for_each(|sleeper| expect_eq("poll", sleeper.join()??, PollFlags::POLLIN))
}
