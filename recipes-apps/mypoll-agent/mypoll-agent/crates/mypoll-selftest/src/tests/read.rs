// SPDX-License-Identifier: MIT OR Apache-2.0

//! The results of a read.

use std::io::IoSliceMut;

use anyhow::{Result, ensure};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::uio::readv;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::event::Event;
use crate::handle::LINE_MAX;
use crate::memory::GuardedPage;
use crate::process::{Forked, say};
use crate::sim_line::now_ns;
use crate::sleeper::Sleeper;

tests!("read":
    one_line_a_read,
    line_has_exactly_the_keys_in_order,
    manual_event_has_its_values,
    timestamp_is_taken_in_the_write,
    sequence_counts_by_one,
    zero_bytes_of_an_empty_queue,
    zero_bytes_take_no_event,
    buffer_of_exactly_the_line,
    buffer_may_end_in_unmapped_memory,
    readv_scatters_the_line,
    nonblocking_can_be_switched,
    dup_reads_the_same_events,
    forked_descriptor_reads_the_same_events,
    closing_a_dup_leaves_the_other,
);

fn one_line_a_read(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    handle.trigger()?;
    let (first, second) = (handle.line()?, handle.line()?);
    for line in [&first, &second] {
        expect_eq(
            format_args!("newlines in {line:?}"),
            line.matches('\n').count(),
            1,
        )?;
    }
    ensure!(first != second, "seen {first:?} twice");
    expect_errno("third read", handle.read(&mut [0; LINE_MAX]), Errno::EAGAIN)
}

fn line_has_exactly_the_keys_in_order(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    let line = handle.line()?;
    let keys: Vec<&str> = line
        .trim_end()
        .split(' ')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, _)| key)
        .take(7)
        .collect();
    let expected = [
        "event",
        "source",
        "kind",
        "line",
        "value",
        "lost",
        "timestamp_ns",
    ];
    expect_eq("keys", keys, expected.to_vec())
}

fn manual_event_has_its_values(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    let event = handle.event()?;
    expect_eq(
        "source, kind, line, value, lost",
        (
            event.source.as_str(),
            event.kind.as_str(),
            event.line,
            event.value,
            event.lost,
        ),
        ("manual", "trigger", 0, 0, 0),
    )
}

fn timestamp_is_taken_in_the_write(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let before = now_ns()?;
    handle.trigger()?;
    let after = now_ns()?;
    let stamp = handle.event()?.timestamp_ns;
    ensure!(
        (before..=after).contains(&stamp),
        "timestamp_ns: seen {stamp}, expected {before} to {after}"
    );
    Ok(())
}

fn sequence_counts_by_one(device: &Device) -> Result<()> {
    let last = device.stats()?.event_sequence;
    let handle = device.open_nonblocking()?;
    for number in last + 1..last + 40 {
        handle.trigger()?;
        expect_eq("event", handle.event()?.event, number)?;
    }
    Ok(())
}

fn zero_bytes_of_an_empty_queue(device: &Device) -> Result<()> {
    expect_eq("blocking", device.open()?.read(&mut []), Ok(0))?;
    expect_eq(
        "non-blocking",
        device.open_nonblocking()?.read(&mut []),
        Ok(0),
    )
}

fn zero_bytes_take_no_event(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    expect_eq("read of 0 bytes", handle.read(&mut []), Ok(0))?;
    handle.event().map(drop)
}

/// The shortest accepted buffer holds exactly the whole line.
fn buffer_of_exactly_the_line(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    let mut buffer = vec![0];
    let read = loop {
        match handle.read(&mut buffer) {
            Err(Errno::EINVAL) => buffer.push(0),
            read => break read,
        }
    };
    expect_eq("read", read, Ok(buffer.len()))?;
    String::from_utf8(buffer)?.parse::<Event>().map(drop)
}

fn buffer_may_end_in_unmapped_memory(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    let memory = GuardedPage::new()?;
    let read = handle.read_to(memory.first_end(512), LINE_MAX)?;
    ensure!((1..512).contains(&read), "read: seen {read} bytes");
    let line = String::from_utf8(memory.end(512)[..read].to_vec())?;
    line.parse::<Event>().map(drop)
}

fn readv_scatters_the_line(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    let (mut head, mut tail) = ([0; 10], [0; LINE_MAX]);
    let read = readv(
        &handle,
        &mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)],
    )?;
    let line = [&head, &tail[..read.saturating_sub(head.len())]].concat();
    String::from_utf8(line)?.parse::<Event>()?;
    expect_errno("second read", handle.read(&mut tail), Errno::EAGAIN)
}

fn nonblocking_can_be_switched(device: &Device) -> Result<()> {
    let handle = device.open()?;
    fcntl(&handle, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    expect_errno(
        "O_NONBLOCK set",
        handle.read(&mut [0; LINE_MAX]),
        Errno::EAGAIN,
    )?;
    fcntl(&handle, FcntlArg::F_SETFL(OFlag::empty()))?;
    let reader = Sleeper::spawn(move || handle.event())?;
    reader.wait_asleep()?;
    device.open()?.trigger()?;
    reader.join()?.map(drop)
}

fn dup_reads_the_same_events(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let dup = handle.dup()?;
    handle.trigger()?;
    handle.trigger()?;
    let (first, second) = (handle.event()?.event, dup.event()?.event);
    expect_eq("event of the dup", second, first + 1)?;
    expect_errno(
        "dup, queue empty",
        dup.read(&mut [0; LINE_MAX]),
        Errno::EAGAIN,
    )
}

fn forked_descriptor_reads_the_same_events(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    handle.trigger()?;
    let child = Forked::spawn(|pipe| {
        let said = handle.line().unwrap_or_else(|error| format!("{error:#}"));
        say(pipe, &said);
    })?;
    let first: Event = child.output()?.parse()?;
    expect_eq(
        "event of the parent",
        handle.event()?.event,
        first.event + 1,
    )?;
    expect_errno(
        "queue empty",
        handle.read(&mut [0; LINE_MAX]),
        Errno::EAGAIN,
    )
}

fn closing_a_dup_leaves_the_other(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let dup = handle.dup()?;
    let reader = Sleeper::spawn(move || dup.event())?;
    reader.wait_asleep()?;
    drop(handle);
    device.open()?.trigger()?;
    reader.join()?.map(drop)
}
