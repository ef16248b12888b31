// SPDX-License-Identifier: MIT OR Apache-2.0

//! SIGIO: when it is sent, its contents, and when it ends.

use std::os::fd::{AsFd, AsRawFd};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::{self, c_int};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::unistd::Pid;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::Handle;
use crate::process::{Forked, say};
use crate::sim_line::SimLine;

tests!("sigio":
    each_event_sends_one,
    setsig_says_poll_in_and_the_descriptor,
    realtime_signals_queue,
    timer_tick_sends_one,
    two_files_both_send,
    owner_may_be_another_process,
    off_when_o_async_is_cleared,
    ends_with_the_file,
    outlives_a_closed_dup,
    failing_writes_send_none,
    gpio_edge_sends_one,
);

/// Names the signal to send; from the kernel's asm-generic/fcntl.h.
const F_SETSIG: c_int = 10;
/// POLL_IN of siginfo's codes, from the kernel's asm-generic/siginfo.h.
const POLL_IN: i32 = 1;

/// Enables a signal to the process `owner` at each event: SIGIO.
pub(super) fn notify(handle: &Handle, owner: Pid) -> Result<()> {
    set(handle, libc::F_SETOWN, owner.as_raw())?;
    fcntl(
        handle,
        FcntlArg::F_SETFL(OFlag::O_ASYNC | OFlag::O_NONBLOCK),
    )
    .context("O_ASYNC")?;
    Ok(())
}

fn set(handle: &Handle, command: c_int, value: c_int) -> Result<()> {
    // SAFETY: F_SETOWN and F_SETSIG take a number, not a pointer.
    let result = unsafe { libc::fcntl(handle.as_fd().as_raw_fd(), command, value) };
    Errno::result(result).map(drop).context("fcntl")
}

/// Receives signals from a descriptor instead of a handler.
pub(super) struct Inbox(SignalFd);

impl Inbox {
    /// Blocks `signal` in this thread and opens an inbox for it.
    pub(super) fn new(signal: c_int) -> Result<Self> {
        let mut signals = *SigSet::empty().as_ref();
        // SAFETY: `signals` was initialised by sigemptyset, and sigaddset leaves it a valid set.
        let signals = unsafe {
            Errno::result(libc::sigaddset(&mut signals, signal))?;
            SigSet::from_sigset_t_unchecked(signals)
        };
        signals.thread_block()?;
        Ok(Self(SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC)?))
    }

    /// Waits for a signal.
    pub(super) fn next(&self) -> Result<siginfo> {
        self.0.read_signal()?.context("signalfd gave nothing")
    }

    /// Expects that no signal arrives.
    pub(super) fn expect_none(&self) -> Result<()> {
        self.expect_none_within(50)
    }

    /// The same for less than 50 milliseconds, for tests that wait often.
    pub(super) fn expect_none_within(&self, ms: u16) -> Result<()> {
        let mut wait = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut wait, PollTimeout::from(ms))?;
        expect_eq("signals", ready, 0)
    }
}

/// A file with SIGIO enabled, and the inbox for it.
fn notified(device: &Device) -> Result<(Handle, Inbox)> {
    let inbox = Inbox::new(libc::SIGIO)?;
    let handle = device.open_nonblocking()?;
    notify(&handle, Pid::this())?;
    Ok((handle, inbox))
}

fn each_event_sends_one(device: &Device) -> Result<()> {
    let (handle, inbox) = notified(device)?;
    for _ in 0..3 {
        device.open()?.trigger()?;
        inbox.next()?;
    }
    inbox.expect_none()?;
    expect_eq("events", handle.drain()?.len(), 3)
}

/// A file with a realtime signal, which has details and is queued, and the inbox for it.
fn notified_in_detail(device: &Device) -> Result<(Handle, Inbox)> {
    let inbox = Inbox::new(libc::SIGRTMIN())?;
    let handle = device.open_nonblocking()?;
    set(&handle, F_SETSIG, libc::SIGRTMIN())?;
    notify(&handle, Pid::this())?;
    Ok((handle, inbox))
}

fn setsig_says_poll_in_and_the_descriptor(device: &Device) -> Result<()> {
    let (handle, inbox) = notified_in_detail(device)?;
    handle.trigger()?;
    let signal = inbox.next()?;
    expect_eq("si_fd", signal.ssi_fd, handle.as_fd().as_raw_fd())?;
    expect_eq("si_code", signal.ssi_code, POLL_IN)?;
    expect_eq(
        "si_band",
        signal.ssi_band,
        libc::POLLIN as u32 | libc::POLLRDNORM as u32,
    )
}

fn realtime_signals_queue(device: &Device) -> Result<()> {
    let (handle, inbox) = notified_in_detail(device)?;
    (0..5).try_for_each(|_| handle.trigger())?;
    (0..5).try_for_each(|_| inbox.next().map(drop))?;
    inbox.expect_none()
}

fn timer_tick_sends_one(device: &Device) -> Result<()> {
    let (handle, inbox) = notified(device)?;
    handle.command("start 5")?;
    inbox.next()?;
    expect_eq("source", handle.event()?.source.as_str(), "timer")
}

fn gpio_edge_sends_one(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let (handle, inbox) = notified(device)?;
    line.press()?;
    inbox.next()?;
    expect_eq("source", handle.event()?.source.as_str(), "gpio")
}

fn two_files_both_send(device: &Device) -> Result<()> {
    let inbox = Inbox::new(libc::SIGRTMIN())?;
    let files = [device.open()?, device.open()?];
    for file in &files {
        set(file, F_SETSIG, libc::SIGRTMIN())?;
        notify(file, Pid::this())?;
    }
    files[0].trigger()?;
    let mut senders = [inbox.next()?.ssi_fd, inbox.next()?.ssi_fd];
    senders.sort_unstable();
    expect_eq("si_fd", senders, files.map(|file| file.as_fd().as_raw_fd()))
}

fn owner_may_be_another_process(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let inbox = Inbox::new(libc::SIGIO)?;
    let owner = Forked::spawn(|pipe| {
        let said = inbox
            .next()
            .map_or_else(|error| format!("{error:#}"), |_| "SIGIO".into());
        say(pipe, &said);
    })?;
    notify(&handle, owner.pid)?;
    handle.trigger()?;
    expect_eq("the owner got", owner.output()?.as_str(), "SIGIO")?;
    inbox.expect_none()
}

fn off_when_o_async_is_cleared(device: &Device) -> Result<()> {
    let (handle, inbox) = notified(device)?;
    handle.trigger()?;
    inbox.next()?;
    fcntl(&handle, FcntlArg::F_SETFL(OFlag::empty()))?;
    handle.trigger()?;
    inbox.expect_none()
}

fn ends_with_the_file(device: &Device) -> Result<()> {
    let (handle, inbox) = notified(device)?;
    drop(handle);
    device.open()?.trigger()?;
    inbox.expect_none()
}

fn outlives_a_closed_dup(device: &Device) -> Result<()> {
    let (handle, inbox) = notified(device)?;
    drop(handle.dup()?);
    handle.trigger()?;
    inbox.next().map(drop)
}

fn failing_writes_send_none(device: &Device) -> Result<()> {
    let writer = device.open()?;
    writer.fill()?;
    let (handle, inbox) = notified(device)?;
    expect_errno("trigger", handle.write("trigger"), Errno::ENOBUFS)?;
    expect_errno("nonsense", handle.write("nonsense"), Errno::EINVAL)?;
    inbox.expect_none()
}
