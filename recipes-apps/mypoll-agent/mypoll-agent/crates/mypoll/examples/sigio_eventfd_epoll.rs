// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIGIO with epoll: the signal handler writes to an eventfd, which epoll waits for.

mod common;

use std::{
    os::fd::{AsRawFd as _, BorrowedFd, RawFd},
    sync::atomic::{AtomicI32, Ordering},
};

use anyhow::{Context as _, Result};
use clap::Parser;
use nix::{
    errno::Errno,
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
        eventfd::{EfdFlags, EventFd},
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
    },
};

/// Print the events of /dev/mypoll, woken by SIGIO through an eventfd in an epoll loop.
#[derive(Parser)]
#[command(after_help = "Example: sigio_eventfd_epoll 3    prints three events and exits")]
struct Cli {
    #[command(flatten)]
    args: common::Args,
}

/// The eventfd, for the handler.
static EVENT_FD: AtomicI32 = AtomicI32::new(-1);

/// Only writes to the eventfd. A full counter (EAGAIN) wakes just as well, so the result doesn't matter.
extern "C" fn on_sigio(_signal: libc::c_int) {
    let errno = Errno::last_raw();
    let fd: RawFd = EVENT_FD.load(Ordering::Relaxed);
    // SAFETY: the eventfd was stored before the handler was installed, and is leaked, so it stays open.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let _ = nix::unistd::write(fd, &1u64.to_ne_bytes());
    Errno::set_raw(errno);
}

fn main() -> Result<()> {
    let cli = Cli::parse();

    let eventfd: &EventFd = Box::leak(Box::new(
        EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
            .context("cannot create an eventfd")?,
    ));
    EVENT_FD.store(eventfd.as_raw_fd(), Ordering::Relaxed);
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("cannot create an epoll")?;
    epoll
        .add(eventfd, EpollEvent::new(EpollFlags::EPOLLIN, 0))
        .context("cannot watch the eventfd")?;

    let action = SigAction::new(
        SigHandler::Handler(on_sigio),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    // SAFETY: the handler only calls write(2), which is async-signal-safe, and keeps errno.
    unsafe { sigaction(Signal::SIGIO, &action) }.context("cannot handle SIGIO")?;

    let mut events = common::Events::with_sigio(cli.args)?;
    while events.drain()? {
        let mut ready = [EpollEvent::empty()];
        // epoll_wait is never restarted (signal(7)): the SIGIO that wakes it ends it with EINTR, or the eventfd does.
        match epoll.wait(&mut ready, EpollTimeout::NONE) {
            Ok(_) => {
                eventfd.read().context("cannot read the eventfd")?;
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("cannot wait for the eventfd"),
        }
    }
    Ok(())
}
