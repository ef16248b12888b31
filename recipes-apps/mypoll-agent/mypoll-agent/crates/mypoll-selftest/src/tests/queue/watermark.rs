// SPDX-License-Identifier: MIT OR Apache-2.0

//! When a queue is readable: after a number of events, after a time, or when it is full.

use std::thread::yield_now;

use anyhow::{Result, ensure};
use mypoll::uapi::{self, Config};
use nix::poll::PollFlags;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::read::both_policies;
use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::handle::{READABLE, WRITABLE};
use crate::queue::{Queue, sequences};
use crate::sim_line::now_ns;
use crate::sleeper::Sleeper;

tests!("queue.watermark":
    readable_from_so_many_events_on,
    epoll_only_when_full,
    a_full_queue_is_readable_below_the_watermark_time,
    poll_wakes_at_the_watermark,
    blocking_read_waits_for_it,
    nonblocking_read_does_not,
    readable_after_the_time,
    the_time_runs_from_the_first_event,
    the_time_is_that_of_the_oldest_event_left,
    events_left_behind_become_readable,
    blocking_read_wakes_after_the_time,
    an_empty_queue_never_is,
);

fn config(base: Config, watermark_events: u32, watermark_us: u32) -> Config {
    Config {
        capacity: 8,
        watermark_events,
        watermark_us,
        ..base
    }
}

fn readable_from_so_many_events_on(device: &Device) -> Result<()> {
    for base in both_policies() {
        for watermark in [1, 2, 5, 8] {
            let queue = Queue::open(device, config(base, watermark, 0))?;
            for depth in 1..=8 {
                queue.trigger()?;
                let expected = if depth >= watermark {
                    READABLE | WRITABLE
                } else {
                    WRITABLE
                };
                expect_eq(
                    format_args!("poll with {depth} of {watermark}"),
                    queue.readiness()?,
                    expected,
                )?;
            }
            queue.read_records(8 - watermark as usize + 1)?;
            expect_eq("poll after a read", queue.readiness()?, WRITABLE)?;
        }
    }
    Ok(())
}

/// The immediate result of epoll_wait for a file.
fn epoll_says(epoll: &Epoll) -> Result<Option<EpollFlags>> {
    let mut ready = [EpollEvent::empty()];
    let count = epoll.wait(&mut ready, EpollTimeout::ZERO)?;
    Ok((count > 0).then(|| ready[0].events()))
}

/// "What I want is that, epoll to indicate whenever kernel buffer is full": level and edge triggered.
fn epoll_only_when_full(device: &Device) -> Result<()> {
    for base in both_policies() {
        for mode in [EpollFlags::empty(), EpollFlags::EPOLLET] {
            let queue = Queue::open(device, config(base, 8, 0))?;
            let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
            let wanted = EpollFlags::EPOLLIN | mode;
            epoll.add(&*queue, EpollEvent::new(wanted, 0))?;
            for round in 0..3 {
                for _ in 0..7 {
                    queue.trigger()?;
                    expect_eq("before it is full", epoll_says(&epoll)?, None)?;
                }
                queue.trigger()?;
                expect_eq("full", epoll_says(&epoll)?, Some(EpollFlags::EPOLLIN))?;
                let events = queue.read_records(64)?;
                let first = round * 8 + 1;
                expect_eq(
                    "sequences",
                    sequences(&events),
                    (first..first + 8).collect(),
                )?;
                expect_eq("after the read", epoll_says(&epoll)?, None)?;
            }
        }
    }
    Ok(())
}

/// A full queue is readable, whatever its watermark.
fn a_full_queue_is_readable_below_the_watermark_time(device: &Device) -> Result<()> {
    let hour = uapi::WATERMARK_US_MAX;
    for base in both_policies() {
        let queue = Queue::open(device, config(base, 8, hour))?;
        queue.triggers(7)?;
        expect_eq("with 7 of 8", queue.readiness()?, WRITABLE)?;
        queue.trigger()?;
        expect_eq("when full", queue.readiness()?, READABLE | WRITABLE)?;
    }
    Ok(())
}

fn poll_wakes_at_the_watermark(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, config(base, 3, 0))?;
        let writer = device.open()?;
        let poller = Sleeper::spawn(move || -> Result<_> {
            queue.wait(PollFlags::POLLIN)?;
            Ok(queue.stats()?.depth)
        })?;
        for _ in 0..2 {
            poller.wait_asleep()?;
            writer.trigger()?;
        }
        poller.wait_asleep()?;
        writer.trigger()?;
        expect_eq("depth", poller.join()??, 3)?;
    }
    Ok(())
}

fn blocking_read_waits_for_it(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open_blocking(device, config(base, 3, 0))?;
        let writer = device.open()?;
        let reader = Sleeper::spawn(move || queue.read_records(8))?;
        for _ in 0..2 {
            reader.wait_asleep()?;
            writer.trigger()?;
        }
        reader.wait_asleep()?;
        writer.trigger()?;
        expect_eq("sequences", sequences(&reader.join()??), vec![1, 2, 3])?;
    }
    Ok(())
}

fn nonblocking_read_does_not(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, config(base, 5, 0))?;
        queue.triggers(2)?;
        expect_eq("sequences", sequences(&queue.read_records(8)?), vec![1, 2])?;
    }
    Ok(())
}

fn readable_after_the_time(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, config(base, 8, 1000))?;
        for sequence in 1..=3 {
            queue.trigger()?;
            let ready = queue.wait(PollFlags::POLLIN)?;
            let now = now_ns()?;
            expect_eq("poll", ready, PollFlags::POLLIN)?;
            expect_eq("depth", queue.stats()?.depth, 1)?;
            let event = queue.read_records(8)?[0];
            expect_eq("sequence", event.sequence, sequence)?;
            ensure!(
                now - event.timestamp_ns >= 1_000_000,
                "readable {} ns after {event:?}, expected 1 ms at least",
                now - event.timestamp_ns
            );
        }
    }
    Ok(())
}

/// Later events do not delay it: the queue becomes readable although they keep arriving.
fn the_time_runs_from_the_first_event(device: &Device) -> Result<()> {
    for base in both_policies() {
        let large = Config {
            capacity: uapi::CAPACITY_MAX,
            watermark_events: uapi::CAPACITY_MAX,
            watermark_us: 20_000,
            ..base
        };
        let queue = Queue::open(device, large)?;
        let mut triggered = 0;
        while !queue.readiness()?.contains(READABLE) {
            queue.trigger()?;
            triggered += 1;
            ensure!(triggered < uapi::CAPACITY_MAX, "never readable");
        }
        let now = now_ns()?;
        let events = queue.drain_records()?;
        ensure!(
            now - events[0].timestamp_ns >= 20_000_000,
            "readable {} ns after the first event",
            now - events[0].timestamp_ns
        );
    }
    Ok(())
}

/// The first event is read before its time is over, so its time does not apply to later events.
fn the_time_is_that_of_the_oldest_event_left(device: &Device) -> Result<()> {
    const TIME: u64 = 50_000_000;
    for base in both_policies() {
        let queue = Queue::open(device, config(base, 8, 50_000))?;
        for together in [1, 2] {
            queue.trigger()?;
            let first = now_ns()?;
            let mut read = queue.read_records(2 - together)?;
            while now_ns()? - first < TIME * 3 / 4 {
                yield_now();
            }
            queue.trigger()?;
            read.extend(queue.read_records(together - 1)?);
            expect_eq("events read", read.len(), 1)?;
            queue.wait(PollFlags::POLLIN)?;
            let now = now_ns()?;
            let event = queue.read_records(8)?[0];
            ensure!(
                now - event.timestamp_ns >= TIME,
                "readable {} ns after {event:?}, expected {TIME} ns at least",
                now - event.timestamp_ns
            );
        }
    }
    Ok(())
}

fn events_left_behind_become_readable(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, config(base, 8, 1000))?;
        queue.triggers(4)?;
        for left in (0..4).rev() {
            queue.wait(PollFlags::POLLIN)?;
            queue.read_records(1)?;
            expect_eq("depth", queue.stats()?.depth, left)?;
        }
        expect_eq("poll", queue.readiness()?, WRITABLE)?;
    }
    Ok(())
}

fn blocking_read_wakes_after_the_time(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open_blocking(device, config(base, 8, 1000))?;
        let reader = Sleeper::spawn(move || queue.read_records(8))?;
        reader.wait_asleep()?;
        device.open()?.trigger()?;
        expect_eq("sequences", sequences(&reader.join()??), vec![1])?;
    }
    Ok(())
}

/// The time of an event that was read does not make the next moment readable.
fn an_empty_queue_never_is(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, config(base, 8, 1000))?;
        queue.trigger()?;
        let first = queue.read_records(1)?[0];
        while now_ns()? - first.timestamp_ns < 5_000_000 {
            yield_now();
        }
        expect_eq("poll", queue.readiness()?, WRITABLE)?;
    }
    Ok(())
}
