// SPDX-License-Identifier: MIT OR Apache-2.0

//! The basics that the other tests build on: the node, blocking and non-blocking reads, epoll, a full queue.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use anyhow::{Result, ensure};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::LINE_MAX;
use crate::sleeper::Sleeper;

tests!("basics":
    device_exists,
    blocking_read_waits,
    write_wakes_blocking_read,
    nonblocking_read_gives_eagain,
    epoll_receives_epollin,
    events_are_read_in_fifo_order,
    full_queue_gives_enobufs,
);

fn device_exists(device: &Device) -> Result<()> {
    let node = device.at_node(|node| fs::metadata(node))?;
    ensure!(
        node.file_type().is_char_device(),
        "{} is no character device",
        device.node.display()
    );
    let numbers = format!(
        "{}:{}\n",
        nix::sys::stat::major(node.rdev()),
        nix::sys::stat::minor(node.rdev())
    );
    let registered = fs::read_to_string(device.sysfs.join("dev"))?;
    expect_eq("major:minor of the node", numbers, registered)
}

fn blocking_read_waits(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let reader = Sleeper::spawn(move || handle.event())?;
    reader.wait_asleep()?;
    device.open()?.trigger()?;
    reader.join()?.map(drop)
}

fn write_wakes_blocking_read(device: &Device) -> Result<()> {
    let before = device.stats()?.event_sequence;
    let handle = device.open()?;
    let reader = Sleeper::spawn(move || handle.event())?;
    reader.wait_asleep()?;
    device.open()?.command("1\n")?;
    expect_eq("event", reader.join()??.event, before + 1)
}

fn nonblocking_read_gives_eagain(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    expect_errno("read", handle.read(&mut [0; LINE_MAX]), Errno::EAGAIN)
}

fn epoll_receives_epollin(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    epoll.add(&handle, EpollEvent::new(EpollFlags::EPOLLIN, 50))?;
    let waiter = Sleeper::spawn(move || -> Result<_> {
        let mut ready = [EpollEvent::empty()];
        let count = epoll.wait(&mut ready, EpollTimeout::NONE)?;
        Ok((count, ready[0]))
    })?;
    waiter.wait_asleep()?;
    handle.trigger()?;
    let woken = (1, EpollEvent::new(EpollFlags::EPOLLIN, 50));
    expect_eq("epoll_wait", waiter.join()??, woken)?;
    handle.event()?;
    expect_errno("read", handle.read(&mut [0; LINE_MAX]), Errno::EAGAIN)
}

fn events_are_read_in_fifo_order(device: &Device) -> Result<()> {
    let first = device.stats()?.event_sequence + 1;
    let handle = device.open_nonblocking()?;
    (0..3).try_for_each(|_| handle.trigger())?;
    let numbers: Vec<u32> = handle.drain()?.iter().map(|event| event.event).collect();
    expect_eq("events", numbers, vec![first, first + 1, first + 2])
}

fn full_queue_gives_enobufs(device: &Device) -> Result<()> {
    let first = device.stats()?.event_sequence + 1;
    let capacity = device.capacity()?;
    let handle = device.open_nonblocking()?;
    for number in 0..capacity {
        ensure!(
            handle.write("1").is_ok(),
            "seen {number} events taken, expected {capacity}"
        );
    }
    expect_errno("write to a full queue", handle.write("1"), Errno::ENOBUFS)?;
    let numbers: Vec<u32> = handle.drain()?.iter().map(|event| event.event).collect();
    expect_eq(
        "events",
        numbers,
        (first..).take(capacity).collect::<Vec<u32>>(),
    )
}
