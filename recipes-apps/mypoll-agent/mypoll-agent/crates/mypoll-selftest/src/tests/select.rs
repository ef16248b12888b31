// SPDX-License-Identifier: MIT OR Apache-2.0

//! select(2) with each of its three sets.

use std::os::fd::{AsFd, AsRawFd};

use anyhow::Result;
use nix::sys::select::{FdSet, select};
use nix::sys::time::{TimeVal, TimeValLike};

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::handle::Handle;
use crate::sleeper::Sleeper;

tests!("select":
    sets_follow_the_queue,
    readfds_wake_a_sleeper,
    writefds_wake_a_sleeper,
    exceptfds_wake_a_sleeper,
);

/// Which of the three sets contain the file after a select(2) that does not wait.
fn sets(handle: &Handle) -> Result<[bool; 3]> {
    let mut sets = [FdSet::new(), FdSet::new(), FdSet::new()];
    sets.iter_mut().for_each(|set| set.insert(handle.as_fd()));
    let [read, write, except] = &mut sets;
    let end = handle.as_fd().as_raw_fd() + 1;
    select(end, read, write, except, &mut TimeVal::zero())?;
    Ok(sets.map(|set| set.contains(handle.as_fd())))
}

fn sets_follow_the_queue(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    expect_eq(
        "empty: read, write, except",
        sets(&handle)?,
        [false, true, false],
    )?;
    handle.fill()?;
    expect_eq(
        "full: read, write, except",
        sets(&handle)?,
        [true, false, false],
    )?;
    device.lose_events(&handle)?;
    expect_eq(
        "loss: read, write, except",
        sets(&handle)?,
        [true, false, true],
    )?;
    handle.drain()?;
    expect_eq(
        "drained: read, write, except",
        sets(&handle)?,
        [false, true, false],
    )
}

/// Which of the three sets of select(2) is used.
#[derive(Clone, Copy)]
enum Set {
    Read,
    Write,
    Except,
}

/// A thread that sleeps in select(2) with the file in one set; returns the number of ready files.
fn sleeper(handle: &Handle, which: Set) -> Result<Sleeper<nix::Result<i32>>> {
    let handle = handle.dup()?;
    let sleeper = Sleeper::spawn(move || {
        let mut set = FdSet::new();
        set.insert(handle.as_fd());
        match which {
            Set::Read => select(None, &mut set, None, None, None),
            Set::Write => select(None, None, &mut set, None, None),
            Set::Except => select(None, None, None, &mut set, None),
        }
    })?;
    sleeper.wait_asleep()?;
    Ok(sleeper)
}

fn readfds_wake_a_sleeper(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let sleeper = sleeper(&handle, Set::Read)?;
    handle.trigger()?;
    expect_eq("select", sleeper.join()?, Ok(1))
}

fn writefds_wake_a_sleeper(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    let sleeper = sleeper(&handle, Set::Write)?;
    handle.event()?;
    expect_eq("select", sleeper.join()?, Ok(1))
}

fn exceptfds_wake_a_sleeper(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    let sleeper = sleeper(&handle, Set::Except)?;
    handle.command("start 1")?;
    expect_eq("select", sleeper.join()?, Ok(1))
}
