// SPDX-License-Identifier: MIT OR Apache-2.0

//! MYPOLL_GET_LEVELS: the levels of all lines, and the position in the queue to which they apply.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow};
use mypoll::ioctl;
use mypoll::uapi::{self, Config, Event, has_line};
use nix::errno::Errno;

use super::tests;
use crate::check::{expect_eq, expect_errno, rounds};
use crate::device::Device;
use crate::handle::Handle;
use crate::levels::{Positions, numbers};
use crate::memory::GuardedPage;
use crate::queue::{Queue, only_line};
use crate::sim_line::SimLine;

tests!("levels":
    of_each_line,
    of_lines_that_report_one_edge,
    follow_the_edges,
    without_lines,
    position_counts_what_was_offered,
    position_of_each_event,
    sequence_of_the_newest_event,
    plain_file_has_those_of_the_shared_queue,
    efault,
    contain_the_events_up_to_their_position,
    resynchronise_after_each_loss,
);

/// A plain file, and a queue of each policy.
fn files(device: &Device) -> Result<[Handle; 3]> {
    let queue = |overflow| -> Result<Handle> {
        let config = Config {
            overflow,
            ..Config::default()
        };
        Queue::open(device, config)?.dup()
    };
    Ok([
        device.open_nonblocking()?,
        queue(uapi::OVERFLOW_DROP_NEWEST)?,
        queue(uapi::OVERFLOW_DROP_OLDEST)?,
    ])
}

fn of_each_line(device: &Device) -> Result<()> {
    let expected: Vec<u32> = device.lines()?.iter().map(|line| line.number).collect();
    let sims = [SimLine::plain(device)?, SimLine::button(device)?];
    for file in files(device)? {
        for (first, second) in [(true, false), (true, true), (false, true), (false, false)] {
            sims[0].set(first)?;
            sims[1].set(second)?;
            let levels = file.levels()?;
            expect_eq("lines", numbers(&levels.lines), expected.clone())?;
            expect_eq("reserved", levels.reserved, 0)?;
            expect_eq(
                "levels",
                sims.each_ref()
                    .map(|sim| has_line(&levels.levels, sim.number)),
                [first, second],
            )?;
            for number in numbers(&levels.levels) {
                expect_eq("a level's line", expected.contains(&number), true)?;
            }
        }
    }
    Ok(())
}

/// The level is that of the line, whichever edges it reports.
fn of_lines_that_report_one_edge(device: &Device) -> Result<()> {
    let handle = device.open()?;
    for sim in [SimLine::rising(device)?, SimLine::falling(device)?] {
        for pressed in [true, false, true, false] {
            sim.set(pressed)?;
            let level = has_line(&handle.levels()?.levels, sim.number);
            expect_eq(sim.label(), level, pressed)?;
        }
    }
    Ok(())
}

fn follow_the_edges(device: &Device) -> Result<()> {
    let sim = SimLine::debounced(device)?;
    let queue = Queue::open(
        device,
        Config {
            lines: only_line(sim.number),
            ..Config::default()
        },
    )?;
    for pressed in [true, false, true] {
        sim.set(pressed)?;
        let event = queue.next_record()?;
        expect_eq("value", event.value, pressed.into())?;
        let levels = queue.levels()?;
        let level = has_line(&levels.levels, sim.number);
        expect_eq("level after its event", level, pressed)?;
        expect_eq("position", levels.position, event.sequence.into())?;
    }
    Ok(())
}

fn without_lines(device: &Device) -> Result<()> {
    SimLine::plain(device)?.press()?;
    device.binding()?.unbind()?;
    for file in files(device)? {
        let levels = file.levels()?;
        expect_eq("lines", numbers(&levels.lines), vec![])?;
        expect_eq("levels", numbers(&levels.levels), vec![])?;
    }
    Ok(())
}

fn position_counts_what_was_offered(device: &Device) -> Result<()> {
    for overflow in [uapi::OVERFLOW_DROP_NEWEST, uapi::OVERFLOW_DROP_OLDEST] {
        let queue = Queue::open(
            device,
            Config {
                capacity: 4,
                overflow,
                sources: 1 << uapi::SOURCE_MANUAL,
                ..Config::default()
            },
        )?;
        for offered in 0..10 {
            expect_eq("position", queue.levels()?.position, offered)?;
            expect_eq("generated", queue.stats()?.generated, offered)?;
            queue.trigger()?;
        }
        queue.drain_records()?;
        expect_eq("position", queue.levels()?.position, 10)?;
        queue.configure(Config::default())?;
        expect_eq("position", queue.levels()?.position, 10)?;
    }
    Ok(())
}

/// Its sequence number plus all losses up to it.
fn position_of_each_event(device: &Device) -> Result<()> {
    for overflow in [uapi::OVERFLOW_DROP_NEWEST, uapi::OVERFLOW_DROP_OLDEST] {
        let queue = Queue::open(
            device,
            Config {
                capacity: 4,
                overflow,
                ..Config::default()
            },
        )?;
        let mut positions = Positions::default();
        for count in [1, 3, 6, 4, 9, 2] {
            queue.triggers(count)?;
            let newest = queue.levels()?.position;
            let events = queue.drain_records()?;
            let last = events.iter().map(|event| positions.of(event)).last();
            let last = last.context("no event")?;
            if overflow == uapi::OVERFLOW_DROP_OLDEST {
                expect_eq("position of the newest", last, newest)?;
            } else {
                let kept = newest - count as u64 + count.min(4) as u64;
                expect_eq("position of the last that was kept", last, kept)?;
            }
        }
    }
    Ok(())
}

fn sequence_of_the_newest_event(device: &Device) -> Result<()> {
    let queue = Queue::of_capacity(device, 4)?;
    expect_eq("before the first", queue.levels()?.sequence, 0)?;
    for (count, sequence) in [(1, 1), (2, 3), (5, 4)] {
        queue.triggers(count)?;
        expect_eq("sequence", queue.levels()?.sequence, sequence)?;
    }
    queue.drain_records()?;
    expect_eq("sequence", queue.levels()?.sequence, 4)?;
    queue.trigger()?;
    expect_eq("sequence", queue.levels()?.sequence, 5)
}

fn plain_file_has_those_of_the_shared_queue(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let before = handle.levels()?;
    handle.trigger()?;
    let after = handle.levels()?;
    expect_eq("position", after.position, before.position + 1)?;
    expect_eq("sequence", after.sequence, handle.event()?.event)?;
    // Lost events count as offered, too.
    let before = handle.levels()?.position;
    let dropped = device.lose_events(&handle)?;
    let held = u64::from(device.stats()?.queue_depth);
    let levels = handle.levels()?;
    expect_eq(
        "position",
        levels.position,
        before + held + u64::from(dropped),
    )?;
    let last = handle.drain()?.pop().context("no event")?;
    expect_eq("sequence", levels.sequence, last.event)
}

fn efault(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let memory = GuardedPage::new()?;
    for address in [
        std::ptr::null_mut(),
        memory.first_end(0),
        memory.first_end(8),
    ] {
        let asked = handle.ioctl_at(ioctl::GET_LEVELS, address);
        expect_errno(format_args!("{address:?}"), asked, Errno::EFAULT)?;
    }
    Ok(())
}

/// Runs `look` while another thread changes a line as fast as it can.
fn while_it_changes(sim: &SimLine, look: impl FnOnce() -> Result<()>) -> Result<()> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let toggler = scope.spawn(|| -> Result<()> {
            for pressed in [true, false].into_iter().cycle() {
                if done.load(Ordering::Relaxed) {
                    return Ok(());
                }
                sim.set(pressed)?;
            }
            Ok(())
        });
        let looked = look();
        done.store(true, Ordering::Relaxed);
        toggler
            .join()
            .map_err(|_| anyhow!("the toggler panicked"))??;
        looked
    })
}

/// Reads the events of the line in turn, each with its position.
struct Reader<'a> {
    queue: &'a Queue,
    positions: Positions,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<(u64, Event)> {
        let event = self.queue.next_record()?;
        Ok((self.positions.of(&event), event))
    }
}

/// Without losses: the events up to the position end with the level, and the next one changes it.
fn contain_the_events_up_to_their_position(device: &Device) -> Result<()> {
    let sim = SimLine::plain(device)?;
    let queue = Queue::open(
        device,
        Config {
            capacity: uapi::CAPACITY_MAX,
            lines: only_line(sim.number),
            sources: 1 << uapi::SOURCE_GPIO,
            ..Config::default()
        },
    )?;
    let mut reader = Reader {
        queue: &queue,
        positions: Positions::default(),
    };
    while_it_changes(&sim, || {
        let mut level = has_line(&queue.levels()?.levels, sim.number);
        let mut latest = 0;
        for round in 0.. {
            let levels = queue.levels()?;
            let told = has_line(&levels.levels, sim.number);
            while latest < levels.position {
                let (position, event) = reader.next()?;
                expect_eq("position", position, latest + 1)?;
                (latest, level) = (position, event.value == 1);
            }
            if latest == levels.position && latest > 0 {
                expect_eq(format_args!("level of round {round}"), told, level)?;
            }
            if latest > 300 {
                break;
            }
        }
        Ok(())
    })
}

fn wait_for_a_loss(queue: &Queue) -> Result<()> {
    let lost = queue.stats()?.lost;
    while queue.stats()?.lost == lost {
        thread::yield_now();
    }
    Ok(())
}

/// A queue that is too small constantly loses edges; with the levels, its reader is correct again after each loss.
fn resynchronise_after_each_loss(device: &Device) -> Result<()> {
    let sim = SimLine::plain(device)?;
    for overflow in [uapi::OVERFLOW_DROP_NEWEST, uapi::OVERFLOW_DROP_OLDEST] {
        let queue = Queue::open(
            device,
            Config {
                capacity: 4,
                overflow,
                lines: only_line(sim.number),
                sources: 1 << uapi::SOURCE_GPIO,
                ..Config::default()
            },
        )?;
        let mut reader = Reader {
            queue: &queue,
            positions: Positions::default(),
        };
        while_it_changes(&sim, || {
            for round in rounds(200) {
                let levels = queue.levels()?;
                let mut level = u32::from(has_line(&levels.levels, sim.number));
                let mut latest = levels.position;
                // Skip events that the levels include.
                loop {
                    let (position, event) = reader.next()?;
                    if position <= levels.position {
                        if position == levels.position {
                            expect_eq("value at the position", event.value, level)?;
                        }
                        continue;
                    }
                    if position != latest + 1 {
                        break;
                    }
                    expect_eq(
                        format_args!("value after {latest} of {levels:?}"),
                        event.value,
                        1 - level,
                    )?;
                    (latest, level) = (position, event.value);
                    if latest > levels.position + u64::from(round % 5) {
                        wait_for_a_loss(&queue)?;
                    }
                }
            }
            Ok(())
        })
        .with_context(|| format!("with overflow policy {overflow}"))?;
    }
    Ok(())
}
