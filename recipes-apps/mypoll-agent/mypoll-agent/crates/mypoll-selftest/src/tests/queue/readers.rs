// SPDX-License-Identifier: MIT OR Apache-2.0

//! Several queues: each gets every event, in the same order.

use std::thread;

use anyhow::{Context, Result, anyhow};
use mypoll::uapi::{self, Config, Event};
use nix::errno::Errno;
use nix::sys::signal::{SaFlags, Signal};

use super::read::both_policies;
use super::tests;
use crate::check::{expect_eq, rounds};
use crate::device::Device;
use crate::process::{Forked, say};
use crate::queue::{Queue, RECORD, sequences};
use crate::sim_line::SimLine;
use crate::sleeper::{Sleeper, wait_process_asleep};
use crate::tests::read_errors::catch_sigusr1;

tests!("queue.readers":
    processes_read_one_button,
    queues_have_the_same_order,
    two_readers_of_one_queue_share_it,
    reader_that_a_signal_ends_passes_the_event_on,
    a_removed_line_shows_in_each,
);

/// The parts of an event that are the same in every queue.
fn common_parts(event: &Event) -> (u64, u16, u16, u32, u32) {
    (
        event.timestamp_ns,
        event.source,
        event.kind,
        event.line,
        event.value,
    )
}

fn processes_read_one_button(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let readers = (0..4)
        .map(|_| {
            let queue = Queue::open_blocking(device, Config::default())?;
            let reader = Forked::spawn(|pipe| {
                let mut seen = String::new();
                for _ in 0..6 {
                    match queue.read_records(1) {
                        Ok(events) => seen += &format!("{:?} ", common_parts(&events[0])),
                        Err(errno) => seen += &format!("{errno} "),
                    }
                }
                say(pipe, &seen);
            })?;
            wait_process_asleep(reader.pid)?;
            Ok(reader)
        })
        .collect::<Result<Vec<_>>>()?;
    let witness = Queue::open(device, Config::default())?;
    let plain = device.open_nonblocking()?;
    for _ in 0..3 {
        line.press()?;
        line.release()?;
    }
    let events = witness.drain_records()?;
    let kinds: Vec<u16> = events.iter().map(|event| event.kind).collect();
    expect_eq(
        "kinds",
        kinds,
        [uapi::KIND_RISING, uapi::KIND_FALLING].repeat(3),
    )?;
    let expected: String = events
        .iter()
        .map(|event| format!("{:?} ", common_parts(event)))
        .collect();
    for reader in readers {
        expect_eq("events of a reader", reader.output()?, expected.clone())?;
    }
    let of_plain: Vec<u64> = plain
        .drain()?
        .iter()
        .map(|event| event.timestamp_ns)
        .collect();
    let stamps: Vec<u64> = events.iter().map(|event| event.timestamp_ns).collect();
    expect_eq("time stamps of the plain file", of_plain, stamps)
}

fn queues_have_the_same_order(device: &Device) -> Result<()> {
    const EACH: u32 = 200;
    let [newest, oldest] = both_policies();
    let queues = [Queue::open(device, newest)?, Queue::open(device, oldest)?];
    let writers = (0..4)
        .map(|_| {
            let handle = device.open()?;
            Ok(thread::spawn(move || {
                (0..EACH).try_for_each(|_| handle.trigger())
            }))
        })
        .collect::<Result<Vec<_>>>()?;
    for writer in writers {
        writer
            .join()
            .map_err(|_| anyhow!("a writer panicked"))?
            .context("writing")?;
    }
    let [one, other] = queues.map(|queue| queue.drain_records());
    let (one, other) = (one?, other?);
    expect_eq("sequences", sequences(&one), (1..=4 * EACH).collect())?;
    expect_eq("events", one, other)
}

/// Each event of one queue goes to one of its readers; together they get all.
fn two_readers_of_one_queue_share_it(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        let readers = (0..2)
            .map(|_| {
                let dup = queue.dup()?;
                let reader = Sleeper::spawn(move || -> Result<Vec<u32>> {
                    let mut seen = Vec::new();
                    loop {
                        let mut record = [0; 32];
                        dup.read(&mut record)?;
                        let sequence = u32::from_ne_bytes(record[8..12].try_into()?);
                        seen.push(sequence);
                        // The last two events, one for each, end the readers.
                        if sequence > 100 {
                            return Ok(seen);
                        }
                    }
                })?;
                reader.wait_asleep()?;
                Ok(reader)
            })
            .collect::<Result<Vec<_>>>()?;
        queue.triggers(102)?;
        let mut seen = Vec::new();
        for reader in readers {
            seen.extend(reader.join()??);
        }
        seen.sort_unstable();
        expect_eq("events of both", seen, (1..=102).collect())?;
    }
    Ok(())
}

/// One of two readers may be woken for the event and interrupted by a signal at once: then the event must wake the
/// other one.
fn reader_that_a_signal_ends_passes_the_event_on(device: &Device) -> Result<()> {
    catch_sigusr1(SaFlags::empty())?;
    let writer = device.open_nonblocking()?;
    for config in both_policies() {
        for _ in rounds(100) {
            let queue = Queue::open_blocking(device, config)?;
            let reader = || -> Result<Sleeper<nix::Result<usize>>> {
                let dup = queue.dup()?;
                let reader = Sleeper::spawn(move || dup.read(&mut [0; RECORD]))?;
                reader.wait_asleep()?;
                Ok(reader)
            };
            let (signalled, other) = (reader()?, reader()?);
            writer.trigger()?;
            signalled.signal(Signal::SIGUSR1)?;
            match signalled.join()? {
                Err(errno) => expect_eq("read", errno, Errno::EINTR)?,
                Ok(_) => writer.trigger()?,
            }
            other.join()?.context("read of the other one")?;
        }
    }
    Ok(())
}

fn a_removed_line_shows_in_each(device: &Device) -> Result<()> {
    let binding = device.binding()?;
    let mut numbers: Vec<u32> = device.lines()?.iter().map(|line| line.number).collect();
    numbers.sort_unstable();
    let queues = both_policies().map(|config| Queue::open(device, config));
    binding.unbind()?;
    binding.bind()?;
    for queue in queues {
        let removed: Vec<Event> = queue?
            .drain_records()?
            .into_iter()
            .filter(|event| event.kind == uapi::KIND_REMOVED)
            .collect();
        let mut seen: Vec<u32> = removed.iter().map(|event| event.line).collect();
        seen.sort_unstable();
        expect_eq("lines that went away", seen, numbers.clone())?;
        for event in &removed {
            expect_eq(
                "source and value",
                (event.source, event.value),
                (uapi::SOURCE_GPIO, 0),
            )?;
        }
        expect_eq("sequences", sequences(&removed).is_sorted(), true)?;
    }
    Ok(())
}
