// SPDX-License-Identifier: MIT OR Apache-2.0

//! RWF_NOWAIT: a read that never sleeps, on a file that was opened blocking.

use anyhow::Result;
use mypoll::uapi::{Config, Event};
use nix::errno::Errno;

use super::read::both_policies;
use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::LINE_MAX;
use crate::ioctl::Plain;
use crate::queue::{Queue, RECORD, sequences};
use crate::sleeper::Sleeper;

tests!("queue.nowait":
    plain_file_eagain_when_empty,
    plain_file_gives_an_event,
    plain_file_with_a_reader_asleep,
    eagain_when_empty,
    gives_what_is_there,
    with_a_reader_asleep,
    einval_short_buffer,
    a_trigger_is_taken,
);

fn plain_file_eagain_when_empty(device: &Device) -> Result<()> {
    let handle = device.open()?;
    for _ in 0..3 {
        let read = handle.read_nowait(&mut [0; LINE_MAX]);
        expect_errno("read", read, Errno::EAGAIN)?;
    }
    Ok(())
}

fn plain_file_gives_an_event(device: &Device) -> Result<()> {
    let handle = device.open()?;
    handle.trigger()?;
    let mut line = [0; LINE_MAX];
    let length = handle.read_nowait(&mut line)?;
    expect_eq("a line", line[..length].starts_with(b"event="), true)?;
    let again = handle.read_nowait(&mut line);
    expect_errno("read", again, Errno::EAGAIN)
}

fn plain_file_with_a_reader_asleep(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let dup = handle.dup()?;
    let reader = Sleeper::spawn(move || dup.event())?;
    reader.wait_asleep()?;
    let read = handle.read_nowait(&mut [0; LINE_MAX]);
    expect_errno("read", read, Errno::EAGAIN)?;
    handle.trigger()?;
    expect_eq("source", reader.join()??.source.as_str(), "manual")
}

fn eagain_when_empty(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        for _ in 0..3 {
            let read = queue.read_nowait(&mut [0; RECORD]);
            expect_errno("read", read, Errno::EAGAIN)?;
        }
    }
    Ok(())
}

fn gives_what_is_there(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        queue.triggers(3)?;
        let mut bytes = [0; 8 * RECORD];
        expect_eq("read", queue.read_nowait(&mut bytes), Ok(3 * RECORD))?;
        let events = [0, 1, 2].map(|index| Event::from_bytes(&bytes[index * RECORD..]));
        expect_eq("sequences", sequences(&events), vec![1, 2, 3])?;
        expect_errno("read", queue.read_nowait(&mut bytes), Errno::EAGAIN)?;
    }
    Ok(())
}

fn with_a_reader_asleep(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(
            device,
            Config {
                watermark_events: 2,
                ..config
            },
        )?;
        let dup = queue.dup()?;
        let reader = Sleeper::spawn(move || dup.read(&mut [0; 8 * RECORD]))?;
        reader.wait_asleep()?;
        let read = queue.read_nowait(&mut [0; RECORD]);
        expect_errno("read", read, Errno::EAGAIN)?;
        queue.triggers(2)?;
        expect_eq("the reader's", reader.join()?, Ok(2 * RECORD))?;
    }
    Ok(())
}

fn einval_short_buffer(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        queue.trigger()?;
        let read = queue.read_nowait(&mut [0; RECORD - 1]);
        expect_errno("read", read, Errno::EINVAL)?;
        expect_eq("read", queue.read_nowait(&mut [0; RECORD]), Ok(RECORD))?;
    }
    Ok(())
}

fn a_trigger_is_taken(device: &Device) -> Result<()> {
    let handle = device.open()?;
    expect_eq("write", handle.write_nowait(b"trigger"), Ok(7))?;
    expect_eq("source", handle.event()?.source.as_str(), "manual")
}
