// SPDX-License-Identifier: MIT OR Apache-2.0

//! Several readers: each event goes to exactly one, and none is lost.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::signal::{SaFlags, Signal};

use super::read_errors::{catch_sigusr1, reader};
use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::handle::Handle;
use crate::process::{Forked, say};
use crate::sleeper::{Sleeper, wait_process_asleep};

tests!("readers":
    two_threads_share_the_events,
    eight_threads_share_the_events,
    two_processes_share_the_events,
    eight_processes_share_the_events,
    one_event_wakes_exactly_one_of_eight,
    reader_that_finds_the_queue_empty_sleeps_on,
    reader_that_a_signal_ends_passes_the_event_on,
    eight_writers_and_eight_readers,
);

/// Number of events per reader when several share them.
const EACH: usize = 50;

/// Expects the numbers `first`, `first + 1`, … in any order.
fn expect_each_once(mut seen: Vec<u32>, first: u32, count: usize) -> Result<()> {
    seen.sort_unstable();
    let expected: Vec<u32> = (first..).take(count).collect();
    expect_eq("events of all readers", seen, expected)
}

/// Queues `count` events; waits for a reader whenever the queue is full.
fn feed(handle: &Handle, count: usize) -> Result<()> {
    for _ in 0..count {
        while let Err(errno) = handle.write("trigger") {
            expect_eq("write", errno, Errno::ENOBUFS)?;
            handle.wait(PollFlags::POLLOUT)?;
        }
    }
    Ok(())
}

/// Reads `count` events, and checks that their numbers rise.
fn take(handle: &Handle, count: usize) -> Result<Vec<u32>> {
    let numbers = (0..count)
        .map(|_| handle.event().map(|event| event.event))
        .collect::<Result<Vec<_>>>()?;
    ensure!(
        numbers.is_sorted_by(|one, next| one < next),
        "one reader: seen {numbers:?}, expected rising numbers"
    );
    Ok(numbers)
}

/// Readers in threads, each with its own open file.
fn threads(device: &Device, count: usize) -> Result<()> {
    let first = device.stats()?.event_sequence + 1;
    let readers = (0..count)
        .map(|_| {
            let handle = device.open()?;
            let reader = Sleeper::spawn(move || take(&handle, EACH))?;
            reader.wait_asleep()?;
            Ok(reader)
        })
        .collect::<Result<Vec<_>>>()?;
    feed(&device.open()?, count * EACH)?;
    let mut seen = Vec::new();
    for reader in readers {
        seen.extend(reader.join()??);
    }
    expect_each_once(seen, first, count * EACH)
}

fn two_threads_share_the_events(device: &Device) -> Result<()> {
    threads(device, 2)
}

fn eight_threads_share_the_events(device: &Device) -> Result<()> {
    threads(device, 8)
}

/// Readers in forked processes, which all share one open file.
fn processes(device: &Device, count: usize) -> Result<()> {
    let first = device.stats()?.event_sequence + 1;
    let handle = device.open()?;
    let readers = (0..count)
        .map(|_| {
            let reader = Forked::spawn(|pipe| {
                let said = match take(&handle, EACH) {
                    Ok(numbers) => numbers.iter().map(|number| format!("{number} ")).collect(),
                    Err(error) => format!("{error:#}"),
                };
                say(pipe, &said);
            })?;
            wait_process_asleep(reader.pid)?;
            Ok(reader)
        })
        .collect::<Result<Vec<_>>>()?;
    feed(&handle, count * EACH)?;
    let mut seen = Vec::new();
    for reader in readers {
        let said = reader.output()?;
        let numbers: Vec<u32> = said
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .with_context(|| format!("a reader says {said:?}"))?;
        seen.extend(numbers);
    }
    expect_each_once(seen, first, count * EACH)
}

fn two_processes_share_the_events(device: &Device) -> Result<()> {
    processes(device, 2)
}

fn eight_processes_share_the_events(device: &Device) -> Result<()> {
    processes(device, 8)
}

/// Eight readers make one read each. An event ends one of them, and the others keep sleeping.
fn one_event_wakes_exactly_one_of_eight(device: &Device) -> Result<()> {
    let (sender, results) = channel();
    let mut asleep = BTreeMap::new();
    for reader in 0..8 {
        let (handle, sender) = (device.open()?, sender.clone());
        let sleeper = Sleeper::spawn(move || drop(sender.send((reader, handle.event()))))?;
        sleeper.wait_asleep()?;
        asleep.insert(reader, (sleeper.sleeps()?, sleeper));
    }
    let first = device.stats()?.event_sequence + 1;
    let writer = device.open_nonblocking()?;
    for number in (first..).take(8) {
        writer.trigger()?;
        let (reader, event) = results.recv()?;
        expect_eq("event", event?.event, number)?;
        asleep.remove(&reader);
        for (reader, (sleeps, sleeper)) in &asleep {
            // A reader that was also woken is still awake, or has gone to sleep once more.
            sleeper.wait_asleep()?;
            let what = format!("times that reader {reader} went to sleep, event {number}");
            expect_eq(what, sleeper.sleeps()?, *sleeps)?;
        }
    }
    Ok(())
}

/// A non-blocking reader usually takes the event that wakes the blocking one.
fn reader_that_finds_the_queue_empty_sleeps_on(device: &Device) -> Result<()> {
    let thief = device.open_nonblocking()?;
    let first = device.stats()?.event_sequence + 1;
    let last = first + 99;
    let blocking = device.open()?;
    let reader = Sleeper::spawn(move || -> Result<Vec<u32>> {
        let mut seen: Vec<u32> = Vec::new();
        while seen.last() != Some(&last) {
            seen.push(blocking.event()?.event);
        }
        Ok(seen)
    })?;
    let mut seen = Vec::new();
    for _ in first..last {
        reader.wait_asleep()?;
        thief.trigger()?;
        seen.extend(thief.drain()?.iter().map(|event| event.event));
    }
    reader.wait_asleep()?;
    thief.trigger()?;
    seen.extend(reader.join()??);
    expect_each_once(seen, first, 100)
}

/// One of two readers may be woken for the event and interrupted by a signal at once: then the event must wake the
/// other one.
fn reader_that_a_signal_ends_passes_the_event_on(device: &Device) -> Result<()> {
    catch_sigusr1(SaFlags::empty())?;
    let writer = device.open_nonblocking()?;
    for _ in 0..100 {
        let (signalled, other) = (reader(device)?, reader(device)?);
        writer.trigger()?;
        signalled.signal(Signal::SIGUSR1)?;
        match signalled.join()? {
            Err(errno) => expect_eq("read", errno, Errno::EINTR)?,
            Ok(_) => writer.trigger()?,
        }
        other.join()?.context("read of the other one")?;
    }
    Ok(())
}

fn eight_writers_and_eight_readers(device: &Device) -> Result<()> {
    let first = device.stats()?.event_sequence + 1;
    let start = |body: fn(&Handle) -> Result<Vec<u32>>| -> Result<_> {
        let handle = device.open()?;
        Ok(thread::spawn(move || body(&handle)))
    };
    let mut threads = Vec::new();
    for _ in 0..8 {
        threads.push(start(|handle| take(handle, EACH))?);
        threads.push(start(|handle| feed(handle, EACH).map(|()| Vec::new()))?);
    }
    let mut seen = Vec::new();
    for thread in threads {
        seen.extend(thread.join().map_err(|_| anyhow!("a thread panicked"))??);
    }
    expect_each_once(seen, first, 8 * EACH)
}
