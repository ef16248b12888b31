// SPDX-License-Identifier: MIT OR Apache-2.0

//! Each error of a read; none of them loses an event.

use std::io::IoSliceMut;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc::{self, c_int, c_void};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::uio::{pread, readv};
use nix::unistd::{Whence, lseek};

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::{Handle, LINE_MAX, READABLE, WRITABLE};
use crate::memory::GuardedPage;
use crate::sleeper::Sleeper;

tests!("errno.read":
    eagain_on_an_empty_queue,
    eagain_comes_before_a_bad_buffer,
    eintr_on_a_signal,
    signal_with_sa_restart_sleeps_on,
    signal_steals_no_event,
    einval_short_buffer_keeps_the_event,
    einval_short_readv_keeps_the_event,
    einval_short_buffer_sleeps_first,
    einval_short_buffer_wakes_the_next_reader,
    efault_null_keeps_the_event,
    efault_unmapped_keeps_the_event,
    efault_read_only_keeps_the_event,
    efault_within_the_line_keeps_the_event,
    efault_of_a_blocking_read_keeps_the_event,
    espipe_lseek,
    espipe_pread_keeps_the_event,
);

fn eagain_on_an_empty_queue(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    expect_errno("at first", handle.read(&mut [0; LINE_MAX]), Errno::EAGAIN)?;
    handle.trigger()?;
    handle.event()?;
    expect_errno(
        "after an event",
        handle.read(&mut [0; LINE_MAX]),
        Errno::EAGAIN,
    )
}

fn eagain_comes_before_a_bad_buffer(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    expect_errno("short buffer", handle.read(&mut [0]), Errno::EAGAIN)?;
    let unmapped = GuardedPage::new()?.first_end(0);
    expect_errno(
        "unmapped",
        handle.read_to(unmapped, LINE_MAX),
        Errno::EAGAIN,
    )
}

extern "C" fn ignore(_: c_int) {}

/// Makes SIGUSR1 interrupt system calls, or with `SA_RESTART` restart them.
pub(super) fn catch_sigusr1(flags: SaFlags) -> Result<()> {
    let action = SigAction::new(SigHandler::Handler(ignore), flags, SigSet::empty());
    // SAFETY: the handler does nothing.
    unsafe { sigaction(Signal::SIGUSR1, &action) }
        .map(drop)
        .context("sigaction")
}

/// A thread in a blocking read.
pub(super) fn reader(device: &Device) -> Result<Sleeper<nix::Result<usize>>> {
    let handle = device.open()?;
    let reader = Sleeper::spawn(move || handle.read(&mut [0; LINE_MAX]))?;
    reader.wait_asleep()?;
    Ok(reader)
}

fn eintr_on_a_signal(device: &Device) -> Result<()> {
    catch_sigusr1(SaFlags::empty())?;
    let reader = reader(device)?;
    reader.signal(Signal::SIGUSR1)?;
    expect_errno("read", reader.join()?, Errno::EINTR)
}

fn signal_with_sa_restart_sleeps_on(device: &Device) -> Result<()> {
    catch_sigusr1(SaFlags::SA_RESTART)?;
    let reader = reader(device)?;
    reader.signal(Signal::SIGUSR1)?;
    reader.wait_asleep()?;
    device.open()?.trigger()?;
    reader.join()?.map(drop).context("read after the signal")
}

/// Each time, the event goes to the reader, or the reader gets EINTR and the event stays queued.
fn signal_steals_no_event(device: &Device) -> Result<()> {
    catch_sigusr1(SaFlags::empty())?;
    let other = device.open_nonblocking()?;
    for round in 0..100 {
        let reader = reader(device)?;
        if round % 2 == 0 {
            other.trigger()?;
            reader.signal(Signal::SIGUSR1)?;
        } else {
            reader.signal(Signal::SIGUSR1)?;
            other.trigger()?;
        }
        let left = match reader.join()? {
            Ok(_) => 0,
            Err(errno) => {
                expect_eq("read", errno, Errno::EINTR)?;
                1
            }
        };
        expect_eq(
            format_args!("events left in round {round}"),
            other.drain()?.len(),
            left,
        )?;
    }
    Ok(())
}

/// Queues two events, lets `read` fail, and checks that both are still queued, readable and in order.
fn keeps_the_events(
    device: &Device,
    errno: Errno,
    read: impl FnOnce(&Handle) -> Result<nix::Result<usize>>,
) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let last = device.stats()?.event_sequence;
    handle.trigger()?;
    handle.trigger()?;
    expect_errno("read", read(&handle)?, errno)?;
    expect_eq("poll", handle.readiness()?, READABLE | WRITABLE)?;
    expect_eq("queue_depth", device.stats()?.queue_depth, 2)?;
    let numbers: Vec<u32> = handle.drain()?.iter().map(|event| event.event).collect();
    expect_eq("events", numbers, vec![last + 1, last + 2])
}

fn einval_short_buffer_keeps_the_event(device: &Device) -> Result<()> {
    for length in [1, 8, 40] {
        keeps_the_events(device, Errno::EINVAL, |handle| {
            Ok(handle.read(&mut vec![0; length]))
        })?;
    }
    Ok(())
}

fn einval_short_readv_keeps_the_event(device: &Device) -> Result<()> {
    keeps_the_events(device, Errno::EINVAL, |handle| {
        let (mut one, mut other) = ([0; 8], [0; 8]);
        Ok(readv(
            handle,
            &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)],
        ))
    })
}

fn einval_short_buffer_sleeps_first(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let reader = Sleeper::spawn(move || handle.read(&mut [0; 8]))?;
    reader.wait_asleep()?;
    let other = device.open_nonblocking()?;
    other.trigger()?;
    expect_errno("read", reader.join()?, Errno::EINVAL)?;
    other.event().map(drop)
}

/// Readers are woken in order, and the event woke only the first one.
fn einval_short_buffer_wakes_the_next_reader(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let first = Sleeper::spawn(move || handle.read(&mut [0; 8]))?;
    first.wait_asleep()?;
    let next = reader(device)?;
    device.open()?.trigger()?;
    expect_errno("read", first.join()?, Errno::EINVAL)?;
    next.join()?.map(drop).context("read of the next one")
}

fn efault_null_keeps_the_event(device: &Device) -> Result<()> {
    keeps_the_events(device, Errno::EFAULT, |handle| {
        Ok(handle.read_to(std::ptr::null_mut::<c_void>(), LINE_MAX))
    })
}

fn efault_unmapped_keeps_the_event(device: &Device) -> Result<()> {
    keeps_the_events(device, Errno::EFAULT, |handle| {
        Ok(handle.read_to(GuardedPage::new()?.first_end(0), LINE_MAX))
    })
}

fn efault_read_only_keeps_the_event(device: &Device) -> Result<()> {
    keeps_the_events(device, Errno::EFAULT, |handle| {
        let memory = GuardedPage::new()?;
        memory.make_read_only()?;
        Ok(handle.read_to(memory.first_end(512), 512))
    })
}

/// Only the first bytes of the line can be copied: the next read must return the whole line.
fn efault_within_the_line_keeps_the_event(device: &Device) -> Result<()> {
    for mapped in [1, 7, 8, 33, 64] {
        keeps_the_events(device, Errno::EFAULT, |handle| {
            Ok(handle.read_to(GuardedPage::new()?.first_end(mapped), LINE_MAX))
        })
        .with_context(|| format!("{mapped} bytes mapped"))?;
    }
    Ok(())
}

fn efault_of_a_blocking_read_keeps_the_event(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let memory = GuardedPage::new()?;
    let reader = Sleeper::spawn({
        let address = memory.first_end(8).expose_provenance();
        move || handle.read_to(std::ptr::with_exposed_provenance_mut(address), LINE_MAX)
    })?;
    reader.wait_asleep()?;
    let other = device.open_nonblocking()?;
    other.trigger()?;
    expect_errno("read", reader.join()?, Errno::EFAULT)?;
    other.event().map(drop)
}

fn espipe_lseek(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    for whence in [Whence::SeekSet, Whence::SeekCur, Whence::SeekEnd] {
        expect_errno(
            format_args!("{whence:?}"),
            lseek(&handle, 0, whence),
            Errno::ESPIPE,
        )?;
    }
    Ok(())
}

fn espipe_pread_keeps_the_event(device: &Device) -> Result<()> {
    keeps_the_events(device, Errno::ESPIPE, |handle| {
        let offset: libc::off_t = 0;
        Ok(pread(handle, &mut [0; LINE_MAX], offset))
    })
}
