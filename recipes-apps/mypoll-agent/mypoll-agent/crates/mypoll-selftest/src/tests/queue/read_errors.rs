// SPDX-License-Identifier: MIT OR Apache-2.0

//! Each error of reading a queue; none of them loses an event.

use anyhow::{Context, Result};
use mypoll::uapi::{Config, Event};
use nix::errno::Errno;
use nix::libc::{self, c_void};
use nix::sys::signal::{SaFlags, Signal};
use nix::sys::uio::pread;

use super::read::both_policies;
use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::ioctl::Plain;
use crate::memory::GuardedPage;
use crate::queue::{Queue, RECORD, sequences};
use crate::sleeper::Sleeper;
use crate::tests::read_errors::catch_sigusr1;

tests!("queue.errno.read":
    eagain_when_empty,
    eintr_on_a_signal,
    einval_short_buffer,
    efault_keeps_the_events,
    efault_after_whole_records_gives_those,
    efault_in_a_full_queue,
    efault_of_a_blocking_read,
    efault_wakes_the_next_reader,
    espipe_pread,
);

fn eagain_when_empty(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open(device, config)?;
        expect_errno("at first", queue.read_records(1), Errno::EAGAIN)?;
        queue.trigger()?;
        queue.read_records(1)?;
        expect_errno("after an event", queue.read_records(1), Errno::EAGAIN)?;
    }
    Ok(())
}

fn eintr_on_a_signal(device: &Device) -> Result<()> {
    catch_sigusr1(SaFlags::empty())?;
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        let dup = Queue::open(device, config)?;
        let reader = Sleeper::spawn(move || (queue.read_records(1), queue))?;
        reader.wait_asleep()?;
        reader.signal(Signal::SIGUSR1)?;
        let (read, queue) = reader.join()?;
        expect_errno("read", read, Errno::EINTR)?;
        dup.trigger()?;
        expect_eq("sequence", queue.next_record()?.sequence, 1)?;
    }
    Ok(())
}

/// Queues three events, lets `read` fail, and checks that all are still queued.
fn keeps_the_events(
    device: &Device,
    errno: Errno,
    read: impl Fn(&Queue) -> Result<nix::Result<usize>>,
) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open(device, config)?;
        queue.triggers(3)?;
        expect_errno("read", read(&queue)?, errno)?;
        queue.expect_account(0, 0, 3)?;
        let events = queue.drain_records()?;
        expect_eq("sequences", sequences(&events), vec![1, 2, 3])?;
        expect_eq("lost", events.iter().map(|event| event.lost).sum(), 0)?;
    }
    Ok(())
}

fn einval_short_buffer(device: &Device) -> Result<()> {
    for length in [1, 8, 31] {
        keeps_the_events(device, Errno::EINVAL, |queue| {
            Ok(queue.read(&mut vec![0; length]))
        })?;
    }
    Ok(())
}

fn efault_keeps_the_events(device: &Device) -> Result<()> {
    let unmapped = GuardedPage::new()?;
    let read_only = GuardedPage::new()?;
    read_only.make_read_only()?;
    for address in [
        std::ptr::null_mut::<c_void>(),
        unmapped.first_end(0),
        unmapped.first_end(1),
        unmapped.first_end(31),
        read_only.first_end(512),
    ] {
        keeps_the_events(device, Errno::EFAULT, |queue| {
            Ok(queue.read_to(address, 8 * RECORD))
        })
        .with_context(|| format!("{address:?}"))?;
    }
    Ok(())
}

fn efault_after_whole_records_gives_those(device: &Device) -> Result<()> {
    let memory = GuardedPage::new()?;
    for config in both_policies() {
        for mapped in [32, 33, 63, 64, 95, 96, 127, 128, 80 * RECORD + 5] {
            let whole = mapped / RECORD;
            let queue = Queue::open(device, config)?;
            queue.triggers(100)?;
            let read = queue.read_to(memory.first_end(mapped), 100 * RECORD);
            expect_eq(
                format_args!("read with {mapped} bytes mapped"),
                read,
                Ok(whole * RECORD),
            )?;
            let bytes = memory.end(mapped);
            let arrived: Vec<Event> = (0..whole)
                .map(|index| Event::from_bytes(&bytes[index * RECORD..]))
                .collect();
            let rest = queue.drain_records()?;
            expect_eq(
                "sequences",
                sequences(&[arrived, rest].concat()),
                (1..=100).collect(),
            )?;
            queue.expect_account(100, 0, 0)?;
        }
    }
    Ok(())
}

fn efault_in_a_full_queue(device: &Device) -> Result<()> {
    let memory = GuardedPage::new()?;
    for config in both_policies() {
        let queue = Queue::open(
            device,
            Config {
                capacity: 4,
                ..config
            },
        )?;
        queue.triggers(6)?;
        expect_errno(
            "read",
            queue.read_to(memory.first_end(8), 4 * RECORD),
            Errno::EFAULT,
        )?;
        queue.expect_account(0, 2, 4)?;
        queue.trigger()?;
        queue.expect_account(0, 3, 4)?;
        let events = queue.drain_records()?;
        expect_eq("sequences", sequences(&events), vec![1, 2, 3, 4])?;
        queue.trigger()?;
        let last = queue.next_record()?;
        let told = events.iter().map(|event| event.lost).sum::<u32>() + last.lost;
        expect_eq("reported losses", told, 3)?;
    }
    Ok(())
}

fn efault_of_a_blocking_read(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        let address = GuardedPage::new()?.first_end(8).expose_provenance();
        let reader = Sleeper::spawn(move || {
            let address = std::ptr::with_exposed_provenance_mut(address);
            (queue.read_to(address, RECORD), queue)
        })?;
        reader.wait_asleep()?;
        device.open()?.trigger()?;
        let (read, queue) = reader.join()?;
        expect_errno("read", read, Errno::EFAULT)?;
        expect_eq("sequence", queue.next_record()?.sequence, 1)?;
    }
    Ok(())
}

/// Readers are woken in order, and the event woke only the first one.
fn efault_wakes_the_next_reader(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        let dup = queue.dup()?;
        let address = GuardedPage::new()?.first_end(8).expose_provenance();
        let first = Sleeper::spawn(move || {
            dup.read_to(std::ptr::with_exposed_provenance_mut(address), RECORD)
        })?;
        first.wait_asleep()?;
        let next = Sleeper::spawn(move || queue.read_records(1))?;
        next.wait_asleep()?;
        device.open()?.trigger()?;
        expect_errno("read", first.join()?, Errno::EFAULT)?;
        expect_eq("sequences", sequences(&next.join()??), vec![1])?;
    }
    Ok(())
}

fn espipe_pread(device: &Device) -> Result<()> {
    keeps_the_events(device, Errno::ESPIPE, |queue| {
        let offset: libc::off_t = 0;
        Ok(pread(&**queue, &mut [0; RECORD], offset))
    })
}
