// SPDX-License-Identifier: MIT OR Apache-2.0

//! SIGIO while others configure the file, or fork.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use mypoll::uapi::{self, Config};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpgrp, pause};

use super::tests;
use crate::check::{expect_eq, rounds};
use crate::cpus;
use crate::device::Device;
use crate::handle::Handle;
use crate::process::Forked;
use crate::queue::Queue;
use crate::runner::skip;
use crate::tests::sigio::Inbox;
use crate::user::{ALICE, PublicNode, become_user};

tests!("sigio":
    configure_race,
    process_group,
);

fn set_owner(handle: &Handle, owner: Pid) -> Result<()> {
    // SAFETY: F_SETOWN takes a number, not a pointer.
    let set = unsafe { libc::fcntl(handle.as_fd().as_raw_fd(), libc::F_SETOWN, owner.as_raw()) };
    Errno::result(set).map(drop).context("F_SETOWN")
}

/// O_ASYNC and MYPOLL_CONFIGURE at the same time: MYPOLL_CONFIGURE is refused, or the file has a private queue and gets
/// no signal for other events.
fn configure_race(device: &Device) -> Result<()> {
    let inbox = Inbox::new(libc::SIGIO)?;
    let writer = device.open_nonblocking()?;
    let config = Config {
        capacity: uapi::CAPACITY_MAX,
        sources: 1 << uapi::SOURCE_TIMER,
        ..Config::default()
    };
    let (mut configured, mut refused) = (0, 0);
    // The delay before O_ASYNC: about as long as configuring the file takes on this machine.
    let began = Instant::now();
    device.open()?.configure(config)?;
    let mut delay = began.elapsed();
    for round in rounds(200) {
        let handle = device.open()?;
        set_owner(&handle, Pid::this())?;
        let (dup, start) = (handle.dup()?, Arc::new(Barrier::new(2)));
        let setter = thread::spawn({
            let start = start.clone();
            move || {
                start.wait();
                let began = Instant::now();
                while began.elapsed() < delay {
                    std::hint::spin_loop();
                }
                fcntl(&dup, FcntlArg::F_SETFL(OFlag::O_ASYNC))
            }
        });
        start.wait();
        let made = handle.configure(config);
        setter
            .join()
            .map_err(|_| anyhow!("a thread panicked"))?
            .context("O_ASYNC")?;
        match made {
            Ok(()) => {
                configured += 1;
                delay = delay * 7 / 8;
                writer.trigger()?;
                inbox.expect_none_within(3).with_context(|| {
                    format!("for an event that round {round}'s queue leaves out")
                })?;
                // It gets signals for its own events.
                handle.configure(Config::default())?;
                writer.trigger()?;
                inbox.next()?;
            }
            Err(errno) => {
                refused += 1;
                delay = delay * 3 / 2;
                expect_eq("MYPOLL_CONFIGURE", errno, Errno::EBUSY)?;
                writer.trigger()?;
                inbox.next()?;
            }
        }
        writer.read_all()?;
    }
    println!("# configured beside O_ASYNC {configured} times, EBUSY {refused} times");
    ensure!(configured > 0, "no file was ever configured");
    Ok(())
}

/// An unprivileged process group that gets SIGIO from a queue, while it forks and while others iterate over all
/// processes. The kernel's send_sigio takes the lock of the process list for reading, which an interrupt handler must
/// not do with a lock that processes wait for.
///
/// A failure shows as a hanging machine, or in the debug kernel's log.
fn process_group(device: &Device) -> Result<()> {
    const SECONDS: u64 = 5;
    if cpus::count() < 2 {
        skip!("one processor is too few");
    }
    let public = PublicNode::new(device)?;
    // Uses the test's group, so that it ends with the test.
    // SAFETY: It installs no function.
    unsafe { signal(Signal::SIGIO, SigHandler::SigIgn) }?;
    let group = Forked::spawn(|pipe| {
        let said = stress_group(&public.device, Duration::from_secs(SECONDS));
        let said = said.map_or_else(|error| format!("{error:#}"), |()| "fine".into());
        crate::process::say(pipe, &said);
    })?;
    expect_eq("the group", group.output()?.as_str(), "fine")?;
    // Interrupts, processes and the device still work.
    let handle = device.open_nonblocking()?;
    handle.command("stop")?;
    handle.drain()?;
    handle.trigger()?;
    expect_eq("events", handle.drain()?.len(), 1)
}

/// Forks a process that runs `body` forever.
fn forever(children: &mut Vec<Pid>, body: impl Fn()) -> Result<()> {
    // SAFETY: The process has one thread.
    match unsafe { fork()? } {
        ForkResult::Parent { child } => {
            children.push(child);
            Ok(())
        }
        ForkResult::Child => loop {
            body();
        },
    }
}

fn stress_group(device: &Device, time: Duration) -> Result<()> {
    become_user(ALICE)?;
    let queue = Queue::open(
        device,
        Config {
            overflow: uapi::OVERFLOW_DROP_OLDEST,
            capacity: 16_384,
            ..Config::default()
        },
    )?;
    set_owner(&queue, Pid::from_raw(-getpgrp().as_raw()))?;
    fcntl(&*queue, FcntlArg::F_SETFL(OFlag::O_ASYNC))?;
    let mut children = Vec::new();
    for _ in 0..100 {
        forever(&mut children, pause)?;
    }
    queue.command("start 1")?;
    forever(&mut children, || {
        cpus::pin(0);
        loop {
            // Iterates over all processes, with the lock held for reading.
            let _ = kill(Pid::from_raw(-1), None);
        }
    })?;
    forever(&mut children, || {
        cpus::pin(2);
        // SAFETY: The process has one thread.
        match unsafe { fork() } {
            // SAFETY: It only ends the process.
            Ok(ForkResult::Child) => unsafe { libc::_exit(0) },
            Ok(ForkResult::Parent { child }) => drop(waitpid(child, None)),
            Err(_) => {}
        }
    })?;
    forever(&mut children, || {
        cpus::pin(1);
        let _ = queue.write("trigger");
    })?;
    let start = Instant::now();
    while start.elapsed() < time {
        let generated = queue.stats()?.generated;
        // If the machine hangs, so does this.
        while queue.stats()?.generated == generated {
            thread::sleep(Duration::from_millis(1));
        }
    }
    for child in &children {
        kill(*child, Signal::SIGKILL)?;
    }
    for child in children {
        waitpid(child, None)?;
    }
    Ok(())
}
