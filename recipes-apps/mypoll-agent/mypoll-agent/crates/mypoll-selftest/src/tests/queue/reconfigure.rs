// SPDX-License-Identifier: MIT OR Apache-2.0

//! MYPOLL_CONFIGURE with queued events.

use std::thread;

use anyhow::{Result, anyhow};
use mypoll::uapi::{self, Config, Event};
use nix::errno::Errno;
use nix::poll::PollFlags;

use super::read::both_policies;
use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::handle::{LOSS, READABLE, WRITABLE};
use crate::queue::{Queue, losses, sequences};
use crate::sim_line::SimLine;
use crate::sleeper::Sleeper;

tests!("queue.reconfigure":
    larger_keeps_all,
    smaller_drops_the_newest,
    smaller_drops_the_oldest,
    losses_before_it_are_told_after_it,
    priority_goes_on_to_the_next_read,
    sequence_and_account_go_on,
    another_policy_keeps_what_fits,
    queued_events_pass_the_new_filter,
    queued_events_keep_their_clock,
    a_lower_watermark_wakes,
    a_higher_watermark_makes_unreadable,
    the_time_starts_for_events_that_wait,
    pollers_never_look_at_the_old_ring,
    two_at_a_time,
    a_reader_asleep_reads_on,
    loses_nothing_while_events_come,
);

fn config(overflow: u32, capacity: u32) -> Config {
    Config {
        capacity,
        overflow,
        ..Default::default()
    }
}

const NEWEST: u32 = uapi::OVERFLOW_DROP_NEWEST;
const OLDEST: u32 = uapi::OVERFLOW_DROP_OLDEST;

fn time_stamps(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.timestamp_ns).collect()
}

/// Expects the last event of a queue to report this many losses.
fn expect_told_next(queue: &Queue, sequence: u32, lost: u32) -> Result<()> {
    queue.trigger()?;
    let event = queue.next_record()?;
    expect_eq(
        "sequence and lost",
        (event.sequence, event.lost),
        (sequence, lost),
    )
}

fn larger_keeps_all(device: &Device) -> Result<()> {
    for before in [NEWEST, OLDEST] {
        for after in [NEWEST, OLDEST] {
            let witness = Queue::open(device, Config::default())?;
            let queue = Queue::open(device, config(before, 5))?;
            queue.triggers(5)?;
            queue.configure(config(after, 100))?;
            expect_eq("capacity", queue.stats()?.capacity, 100)?;
            queue.triggers(95)?;
            queue.expect_account(0, 0, 100)?;
            let events = queue.drain_records()?;
            expect_eq("events", &events, &witness.drain_records()?)?;
            expect_eq("sequences", sequences(&events), (1..=100).collect())?;
        }
    }
    Ok(())
}

fn smaller_drops_the_newest(device: &Device) -> Result<()> {
    for before in [NEWEST, OLDEST] {
        let witness = Queue::open(device, Config::default())?;
        let queue = Queue::open(device, config(before, 8))?;
        queue.triggers(6)?;
        queue.configure(config(NEWEST, 4))?;
        queue.expect_account(0, 2, 4)?;
        expect_eq("poll", queue.readiness()?, READABLE | WRITABLE | LOSS)?;
        let events = queue.drain_records()?;
        expect_eq("sequences", sequences(&events), vec![1, 2, 3, 4])?;
        expect_eq("lost", losses(&events), vec![0; 4])?;
        let all = time_stamps(&witness.drain_records()?);
        expect_eq("time stamps", &time_stamps(&events)[..], &all[..4])?;
        expect_told_next(&queue, 5, 2)?;
    }
    Ok(())
}

fn smaller_drops_the_oldest(device: &Device) -> Result<()> {
    for before in [NEWEST, OLDEST] {
        let witness = Queue::open(device, Config::default())?;
        let queue = Queue::open(device, config(before, 8))?;
        queue.triggers(6)?;
        queue.configure(config(OLDEST, 4))?;
        queue.expect_account(0, 2, 4)?;
        expect_eq("poll", queue.readiness()?, READABLE | WRITABLE | LOSS)?;
        let events = queue.drain_records()?;
        expect_eq("sequences", sequences(&events), vec![1, 2, 3, 4])?;
        expect_eq("lost", losses(&events), vec![2, 0, 0, 0])?;
        let all = time_stamps(&witness.drain_records()?);
        expect_eq("time stamps", &time_stamps(&events)[..], &all[2..])?;
        expect_told_next(&queue, 5, 0)?;
    }
    Ok(())
}

fn losses_before_it_are_told_after_it(device: &Device) -> Result<()> {
    for before in [NEWEST, OLDEST] {
        for after in [NEWEST, OLDEST] {
            for capacity in [1, 2, 4, 9] {
                let queue = Queue::open(device, config(before, 4))?;
                queue.triggers(7)?;
                queue.configure(config(after, capacity))?;
                let mut events = queue.drain_records()?;
                queue.trigger()?;
                events.push(queue.next_record()?);
                let told: u32 = losses(&events).iter().sum();
                expect_eq(
                    format_args!("{before} to {after}, {capacity}: read and reported"),
                    events.len() as u32 + told,
                    8,
                )?;
                expect_eq(
                    "sequences",
                    sequences(&events),
                    (1..).take(events.len()).collect(),
                )?;
                queue.expect_account(events.len() as u64, told.into(), 0)?;
            }
        }
    }
    Ok(())
}

fn priority_goes_on_to_the_next_read(device: &Device) -> Result<()> {
    for before in [NEWEST, OLDEST] {
        for after in [NEWEST, OLDEST] {
            let queue = Queue::open(device, config(before, 4))?;
            queue.triggers(6)?;
            queue.configure(config(after, 9))?;
            expect_eq("poll", queue.readiness()?, READABLE | WRITABLE | LOSS)?;
            queue.read_records(1)?;
            expect_eq("after a read", queue.readiness()?, READABLE | WRITABLE)?;
            queue.configure(config(before, 4))?;
            expect_eq("without a loss", queue.readiness()?, READABLE | WRITABLE)?;
        }
    }
    Ok(())
}

fn sequence_and_account_go_on(device: &Device) -> Result<()> {
    for before in [NEWEST, OLDEST] {
        for after in [NEWEST, OLDEST] {
            let queue = Queue::open(device, config(before, 8))?;
            queue.triggers(10)?;
            queue.read_records(3)?;
            queue.configure(config(after, 6))?;
            queue.expect_account(3, 2, 5)?;
            expect_eq("high_water", queue.stats()?.high_water, 8)?;
            queue.triggers(1)?;
            let events = queue.drain_records()?;
            expect_eq("sequences", sequences(&events), (4..=9).collect())?;
            queue.expect_account(9, 2, 0)?;
        }
    }
    Ok(())
}

fn another_policy_keeps_what_fits(device: &Device) -> Result<()> {
    let queue = Queue::open(device, config(NEWEST, 4))?;
    queue.triggers(4)?;
    queue.configure(config(OLDEST, 4))?;
    queue.triggers(1)?;
    let events = queue.drain_records()?;
    expect_eq("sequences", sequences(&events), vec![1, 2, 3, 4])?;
    expect_eq("lost", losses(&events), vec![1, 0, 0, 0])?;
    queue.triggers(4)?;
    queue.configure(config(NEWEST, 4))?;
    queue.triggers(1)?;
    let events = queue.drain_records()?;
    expect_eq("sequences", sequences(&events), vec![5, 6, 7, 8])?;
    expect_eq("lost", losses(&events), vec![0; 4])?;
    expect_told_next(&queue, 9, 1)
}

fn queued_events_pass_the_new_filter(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    for base in both_policies() {
        let queue = Queue::open(device, base)?;
        queue.triggers(2)?;
        queue.configure(Config {
            sources: 1 << uapi::SOURCE_GPIO,
            ..base
        })?;
        queue.triggers(2)?;
        line.press()?;
        line.release()?;
        let sources: Vec<u16> = queue
            .drain_records()?
            .iter()
            .map(|event| event.source)
            .collect();
        let (manual, gpio) = (uapi::SOURCE_MANUAL, uapi::SOURCE_GPIO);
        expect_eq("sources", sources, vec![manual, manual, gpio, gpio])?;
    }
    Ok(())
}

fn queued_events_keep_their_clock(device: &Device) -> Result<()> {
    for base in both_policies() {
        let monotonic = Queue::open(device, base)?;
        let realtime = Queue::open(
            device,
            Config {
                clock: uapi::CLOCK_REALTIME,
                ..base
            },
        )?;
        let queue = Queue::open(device, base)?;
        queue.trigger()?;
        queue.configure(Config {
            clock: uapi::CLOCK_REALTIME,
            ..base
        })?;
        queue.trigger()?;
        let (monotonic, realtime) = (monotonic.drain_records()?, realtime.drain_records()?);
        expect_eq(
            "time stamps",
            time_stamps(&queue.drain_records()?),
            vec![monotonic[0].timestamp_ns, realtime[1].timestamp_ns],
        )?;
    }
    Ok(())
}

fn a_lower_watermark_wakes(device: &Device) -> Result<()> {
    for base in both_policies() {
        let watermark_events = 10;
        let queue = Queue::open(
            device,
            Config {
                watermark_events,
                ..base
            },
        )?;
        let dup = queue.dup()?;
        queue.triggers(3)?;
        let poller = Sleeper::spawn(move || queue.wait(PollFlags::POLLIN))?;
        poller.wait_asleep()?;
        dup.configure(Config {
            watermark_events: 3,
            ..base
        })?;
        expect_eq("poll", poller.join()??, PollFlags::POLLIN)?;
    }
    Ok(())
}

fn a_higher_watermark_makes_unreadable(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, base)?;
        queue.triggers(3)?;
        expect_eq("before", queue.readiness()?, READABLE | WRITABLE)?;
        queue.configure(Config {
            watermark_events: 4,
            ..base
        })?;
        expect_eq("after", queue.readiness()?, WRITABLE)?;
        queue.trigger()?;
        expect_eq("with one more", queue.readiness()?, READABLE | WRITABLE)?;
    }
    Ok(())
}

fn the_time_starts_for_events_that_wait(device: &Device) -> Result<()> {
    for base in both_policies() {
        let never = Config {
            watermark_events: 100,
            ..base
        };
        let queue = Queue::open(device, never)?;
        queue.triggers(2)?;
        queue.configure(Config {
            watermark_us: 1000,
            ..never
        })?;
        expect_eq("poll", queue.wait(PollFlags::POLLIN)?, PollFlags::POLLIN)?;
        expect_eq("events", queue.read_records(8)?.len(), 2)?;
    }
    Ok(())
}

/// Each change makes the file readable and must wake the poller, however early it polls.
fn pollers_never_look_at_the_old_ring(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, base)?;
        queue.trigger()?;
        let one = Config {
            watermark_events: 1,
            ..base
        };
        let two = Config {
            watermark_events: 2,
            ..base
        };
        for _ in 0..30 {
            queue.configure(two)?;
            let dup = queue.dup()?;
            let poller = Sleeper::spawn(move || dup.wait(PollFlags::POLLIN))?;
            poller.wait_asleep()?;
            queue.configure(one)?;
            poller.join()??;
        }
    }
    Ok(())
}

fn two_at_a_time(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    for round in 1..=30 {
        let changes = [3, 100].map(|capacity| {
            let dup = queue.dup()?;
            Ok(thread::spawn(move || {
                dup.configure(config(NEWEST, capacity))
            }))
        });
        for change in changes.into_iter().collect::<Result<Vec<_>>>()? {
            change.join().map_err(|_| anyhow!("a thread panicked"))??;
        }
        expect_eq("poll, empty", queue.readiness()?, WRITABLE)?;
        queue.trigger()?;
        expect_eq("poll", queue.readiness()?, READABLE | WRITABLE)?;
        expect_eq("sequences", sequences(&queue.drain_records()?), vec![round])?;
    }
    Ok(())
}

fn a_reader_asleep_reads_on(device: &Device) -> Result<()> {
    for before in [NEWEST, OLDEST] {
        for after in [NEWEST, OLDEST] {
            let queue = Queue::open_blocking(device, config(before, 4))?;
            let dup = queue.dup()?;
            let reader = Sleeper::spawn(move || queue.read_records(8))?;
            reader.wait_asleep()?;
            dup.configure(config(after, 16))?;
            reader.wait_asleep()?;
            dup.trigger()?;
            expect_eq("sequences", sequences(&reader.join()??), vec![1])?;
        }
    }
    Ok(())
}

/// Writers continue while the queue changes between settings: nothing is lost or duplicated.
fn loses_nothing_while_events_come(device: &Device) -> Result<()> {
    const EACH: u32 = 400;
    let witness = Queue::open(device, config(NEWEST, 65536))?;
    let queue = Queue::open(device, config(NEWEST, 65536))?;
    let writers = (0..2)
        .map(|_| {
            let handle = device.open()?;
            Ok(thread::spawn(move || {
                (0..EACH).try_for_each(|_| handle.trigger())
            }))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut events = Vec::new();
    for overflow in [OLDEST, NEWEST].into_iter().cycle() {
        queue.configure(config(overflow, 65536))?;
        match queue.read_records(7) {
            Ok(more) => events.extend(more),
            Err(errno) => expect_eq("read", errno, Errno::EAGAIN)?,
        }
        if writers.iter().all(|writer| writer.is_finished()) {
            break;
        }
    }
    for writer in writers {
        writer.join().map_err(|_| anyhow!("a writer panicked"))??;
    }
    events.extend(queue.drain_records()?);
    expect_eq("sequences", sequences(&events), (1..=2 * EACH).collect())?;
    expect_eq("lost", losses(&events).iter().sum(), 0)?;
    expect_eq(
        "time stamps, of a queue that was left alone",
        time_stamps(&events),
        time_stamps(&witness.drain_records()?),
    )?;
    queue.expect_account((2 * EACH).into(), 0, 0)
}
