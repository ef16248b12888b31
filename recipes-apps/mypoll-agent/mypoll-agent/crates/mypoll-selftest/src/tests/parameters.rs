// SPDX-License-Identifier: MIT OR Apache-2.0

//! The module parameters of a loaded module.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::libc;
use nix::poll::PollFlags;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::tests;
use crate::check::{expect_eq, expect_errno, expect_read_only};
use crate::device::Device;
use crate::handle::{READABLE, WRITABLE};
use crate::module;
use crate::runner::skip;
use crate::sleeper::Sleeper;

tests!("parameters":
    queue_size_and_queues_max_are_read_only,
    timer_period_ms_has_a_range,
    poll_ret0_is_0_or_1,
    poll_ret0_answers_nothing,
    poll_ret0_leaves_reads_alone,
    poll_ret0_makes_epoll_sleep_on,
    poll_ret0_says_so_in_the_log,
);

fn queue_size_and_queues_max_are_read_only(_: &Device) -> Result<()> {
    ["queue_size", "queues_max"]
        .iter()
        .try_for_each(|name| expect_read_only(&module::parameter_file(name)))
}

/// Writes each valid and invalid value: an invalid one is refused, and the valid one stays.
fn expect_range(name: &str, good: &[(&str, &str)], bad: &[&str]) -> Result<()> {
    for (good, reads) in good {
        expect_eq(
            format_args!("{name}={good}"),
            module::set_parameter(name, good),
            Ok(()),
        )?;
        expect_eq(
            format_args!("{name} after {good}"),
            &module::parameter(name)?[..],
            reads,
        )?;
        for bad in bad {
            let refused = module::set_parameter(name, bad);
            expect_errno(format_args!("{name}={bad}"), refused, Errno::EINVAL)?;
            expect_eq(
                format_args!("{name} after {bad}"),
                &module::parameter(name)?[..],
                reads,
            )?;
        }
    }
    Ok(())
}

fn timer_period_ms_has_a_range(_: &Device) -> Result<()> {
    expect_range(
        "timer_period_ms",
        &[("1", "1"), ("1000", "1000"), ("3600000", "3600000")],
        &["0", "3600001", "-1", "ms", "10 20"],
    )
}

/// The kernel shows Boolean values as letters.
fn poll_ret0_is_0_or_1(_: &Device) -> Result<()> {
    expect_range(
        "poll_ret0",
        &[("1", "Y"), ("0", "N")],
        &["2", "-1", "maybe"],
    )
}

fn set_poll_ret0(value: &str) -> Result<()> {
    module::set_parameter("poll_ret0", value).context("poll_ret0")
}

fn poll_ret0_answers_nothing(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    set_poll_ret0("1")?;
    expect_eq(
        "poll while it is 1",
        handle.readiness()?,
        PollFlags::empty(),
    )?;
    set_poll_ret0("0")?;
    expect_eq("poll after it", handle.readiness()?, READABLE | WRITABLE)
}

fn poll_ret0_leaves_reads_alone(device: &Device) -> Result<()> {
    set_poll_ret0("1")?;
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    handle.event().map(drop)
}

/// The experiment of the kernel-module-cheat: the kernel polls again at each event, and gets 0, so the poller keeps
/// sleeping.
fn poll_ret0_makes_epoll_sleep_on(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    set_poll_ret0("1")?;
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    epoll.add(&handle, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
    let waiter = Sleeper::spawn(move || {
        let mut ready = [EpollEvent::empty()];
        let ready = epoll
            .wait(&mut ready, EpollTimeout::NONE)
            .map(|_| ready[0].events());
        ready.context("epoll_wait")
    })?;
    waiter.wait_asleep()?;
    for _ in 0..3 {
        handle.trigger()?;
        waiter.wait_asleep()?;
    }
    set_poll_ret0("0")?;
    handle.trigger()?;
    expect_eq("epoll_wait", waiter.join()??, EpollFlags::EPOLLIN)?;
    expect_eq("events", handle.drain()?.len(), 4)
}

const DYNAMIC_DEBUG: &str = "/sys/kernel/debug/dynamic_debug/control";

fn poll_ret0_says_so_in_the_log(device: &Device) -> Result<()> {
    if !Path::new(DYNAMIC_DEBUG).exists() {
        skip!("no {DYNAMIC_DEBUG}: no dynamic debug in this kernel, or debugfs is not mounted");
    }
    let mut log = kernel_log()?;
    let handle = device.open_nonblocking()?;
    set_poll_ret0("1")?;
    handle.readiness()?;
    expect_eq(
        "lines before dynamic debug is on",
        lines_of_poll(&mut log)?,
        0,
    )?;
    fs::write(DYNAMIC_DEBUG, "module mypoll +p")?;
    handle.readiness()?;
    let on = lines_of_poll(&mut log);
    fs::write(DYNAMIC_DEBUG, "module mypoll -p")?;
    let on = on?;
    ensure!(on > 0, "lines about poll: seen none, expected one at least");
    Ok(())
}

/// The kernel log from its end on.
fn kernel_log() -> Result<File> {
    let mut log = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/kmsg")
        .context("/dev/kmsg")?;
    log.seek(SeekFrom::End(0))?;
    Ok(log)
}

/// The number of new lines about mypoll's poll in the kernel log; a read of /dev/kmsg returns one line.
fn lines_of_poll(log: &mut File) -> Result<usize> {
    let mut found = 0;
    let mut buffer = [0; 8192];
    loop {
        match log.read(&mut buffer) {
            Ok(length) => {
                let line = String::from_utf8_lossy(&buffer[..length]);
                found += usize::from(line.contains("mypoll") && line.contains("poll_ret0"));
            }
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => return Ok(found),
            Err(error) => return Err(error).context("/dev/kmsg"),
        }
    }
}
