// SPDX-License-Identifier: MIT OR Apache-2.0

//! SIGIO bridged to epoll: the signal handler writes to an eventfd, which epoll waits for.

use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::Pid;

use super::sigio::notify;
use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::event::Event;
use crate::handle::{Handle, LINE_MAX};

tests!("sigio_eventfd":
    sigio_is_received,
    eventfd_wakeup_works,
    epoll_wait_wakes_correctly,
    userspace_drains_the_queue,
    timer_events_are_received,
    manual_trigger_events_are_received,
    handler_never_blocks,
);

static EVENT_FD: AtomicI32 = AtomicI32::new(-1);
static HANDLED: AtomicU32 = AtomicU32::new(0);
/// The errno of the handler's last write, 0 if it succeeded.
static WRITE_ERRNO: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_sigio(_: c_int) {
    let errno = Errno::last_raw();
    let one = 1u64.to_ne_bytes();
    // SAFETY: write(2) is async-signal-safe, and `one` is readable for its length.
    let written = unsafe {
        libc::write(
            EVENT_FD.load(Ordering::Relaxed),
            one.as_ptr().cast(),
            one.len(),
        )
    };
    WRITE_ERRNO.store(
        if written < 0 { Errno::last_raw() } else { 0 },
        Ordering::Relaxed,
    );
    HANDLED.fetch_add(1, Ordering::Relaxed);
    Errno::set_raw(errno);
}

/// The device with SIGIO bridged to an eventfd that epoll waits for.
struct Bridge {
    handle: Handle,
    events: EventFd,
    epoll: Epoll,
}

impl Bridge {
    fn new(device: &Device) -> Result<Self> {
        let events = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        EVENT_FD.store(events.as_raw_fd(), Ordering::Relaxed);
        let action = SigAction::new(
            SigHandler::Handler(on_sigio),
            SaFlags::SA_RESTART,
            SigSet::empty(),
        );
        // SAFETY: the handler only calls async-signal-safe functions.
        unsafe { sigaction(Signal::SIGIO, &action) }?;
        let epoll = Epoll::new(EpollCreateFlags::empty())?;
        epoll.add(&events, EpollEvent::new(EpollFlags::EPOLLIN, 52))?;
        let handle = device.open_nonblocking()?;
        notify(&handle, Pid::this())?;
        Ok(Self {
            handle,
            events,
            epoll,
        })
    }

    /// Waits for the eventfd; the awaited signal may interrupt the wait.
    fn wait(&self) -> Result<EpollFlags> {
        let mut ready = [EpollEvent::empty()];
        loop {
            match self.epoll.wait(&mut ready, EpollTimeout::NONE) {
                Ok(_) => return Ok(ready[0].events()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("epoll_wait"),
            }
        }
    }

    /// Waits, takes the eventfd's count, and drains the device.
    fn next_events(&self) -> Result<Vec<Event>> {
        self.wait()?;
        self.events.read().context("reading the eventfd")?;
        self.handle.drain()
    }
}

fn sigio_is_received(device: &Device) -> Result<()> {
    let bridge = Bridge::new(device)?;
    bridge.handle.trigger()?;
    bridge.wait()?;
    expect_eq("signals handled", HANDLED.load(Ordering::Relaxed), 1)
}

fn eventfd_wakeup_works(device: &Device) -> Result<()> {
    let bridge = Bridge::new(device)?;
    expect_errno(
        "eventfd before an event",
        bridge.events.read(),
        Errno::EAGAIN,
    )?;
    bridge.handle.trigger()?;
    bridge.wait()?;
    expect_eq("the eventfd's count", bridge.events.read()?, 1)
}

fn epoll_wait_wakes_correctly(device: &Device) -> Result<()> {
    let bridge = Bridge::new(device)?;
    let mut ready = [EpollEvent::empty()];
    let early = bridge.epoll.wait(&mut ready, EpollTimeout::ZERO)?;
    expect_eq("epoll_wait before an event", early, 0)?;
    device.open()?.trigger()?;
    expect_eq("epoll_wait", bridge.wait()?, EpollFlags::EPOLLIN)
}

fn userspace_drains_the_queue(device: &Device) -> Result<()> {
    let bridge = Bridge::new(device)?;
    (0..5).try_for_each(|_| bridge.handle.trigger())?;
    let mut events = 0;
    while events < 5 {
        events += bridge.next_events()?.len();
    }
    expect_errno(
        "read after draining",
        bridge.handle.read(&mut [0; LINE_MAX]),
        Errno::EAGAIN,
    )?;
    expect_eq(
        "events, queue_depth",
        (events, device.stats()?.queue_depth),
        (5, 0),
    )
}

fn timer_events_are_received(device: &Device) -> Result<()> {
    let bridge = Bridge::new(device)?;
    bridge.handle.command("start 5")?;
    let mut events = Vec::new();
    while events.len() < 3 {
        events.extend(bridge.next_events()?);
    }
    ensure!(
        events.iter().all(|event| event.source == "timer"),
        "seen {events:?}, expected source=timer"
    );
    Ok(())
}

fn manual_trigger_events_are_received(device: &Device) -> Result<()> {
    let bridge = Bridge::new(device)?;
    bridge.handle.trigger()?;
    let events = bridge.next_events()?;
    let sources: Vec<&str> = events.iter().map(|event| event.source.as_str()).collect();
    expect_eq("sources", sources, vec!["manual"])
}

/// The handler's write to an eventfd with a full counter would block if the eventfd were blocking.
fn handler_never_blocks(device: &Device) -> Result<()> {
    let bridge = Bridge::new(device)?;
    bridge.events.write(u64::MAX - 1)?;
    bridge.handle.trigger()?;
    while HANDLED.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    expect_eq(
        "errno of the handler's write",
        Errno::from_raw(WRITE_ERRNO.load(Ordering::Relaxed)),
        Errno::EAGAIN,
    )?;
    expect_eq("events drained", bridge.next_events()?.len(), 1)
}
