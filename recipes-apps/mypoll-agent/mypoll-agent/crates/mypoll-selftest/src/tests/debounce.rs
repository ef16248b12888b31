// SPDX-License-Identifier: MIT OR Apache-2.0

//! Edges at the moment when the driver considers a contact quiet.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mypoll::uapi::{self, Config, Event};

use super::tests;
use crate::check::rounds;
use crate::configfs::{ConfigLine, SimChip};
use crate::device::Device;
use crate::queue::{Queue, only_line};
use crate::sim_line::{Pull, SimLine, now_ns};

tests!("debounce":
    edge_at_the_end_of_the_interval,
    edge_at_the_end_of_a_short_interval,
    two_edges_at_the_end_of_a_short_interval,
    only_a_quiet_contact_is_reported,
);

/// A contact, and its events.
struct Contact<'a> {
    set: &'a dyn Fn(bool) -> Result<()>,
    interval: Duration,
    queue: Queue,
    /// The level in the last event.
    told: bool,
    /// Its changes: the times before and after, and the new level.
    changes: Vec<(u64, u64, bool)>,
    events: Vec<Event>,
}

impl<'a> Contact<'a> {
    fn new(device: &Device, number: u32, set: &'a dyn Fn(bool) -> Result<()>) -> Result<Self> {
        let queue = Queue::open(
            device,
            Config {
                sources: 1 << uapi::SOURCE_GPIO,
                lines: only_line(number),
                ..Config::default()
            },
        )?;
        let info = queue.line_info(number).context("MYPOLL_GET_LINE")?;
        ensure!(
            info.debounce_us > 0,
            "seen {info:?}, expected a debounced line"
        );
        Ok(Self {
            set,
            interval: Duration::from_micros(info.debounce_us.into()),
            queue,
            told: info.value == 1,
            changes: Vec::new(),
            events: Vec::new(),
        })
    }

    fn change(&mut self, level: bool) -> Result<()> {
        let before = now_ns()?;
        (self.set)(level)?;
        self.changes.push((before, now_ns()?, level));
        Ok(())
    }

    /// Records events, each of which must have another level than the one before it.
    fn note(&mut self, events: Vec<Event>) -> Result<()> {
        for event in events {
            let level = event.value == 1;
            ensure!(
                level != self.told,
                "seen {event:?} while {} was reported already",
                self.told
            );
            self.told = level;
            self.events.push(event);
        }
        Ok(())
    }

    /// Returns once the driver has reported the contact's level.
    fn agree(&mut self, level: bool) -> Result<()> {
        loop {
            let events = self.queue.drain_records()?;
            self.note(events)?;
            if self.told == level {
                return Ok(());
            }
            // It is quiet now: there must be an event.
            ensure!(
                !self.queue.wait_at_most(60_000)?.is_empty(),
                "the contact is {level} and quiet, the last event reported {}",
                self.told
            );
        }
    }

    /// Presses, and releases about when the press is accepted, a little earlier or later each time; then `more` presses
    /// and releases.
    fn rounds(&mut self, count: u32, more: usize) -> Result<()> {
        let spread = self.interval.min(Duration::from_millis(1));
        for round in rounds(count) {
            let start = Instant::now();
            self.change(true)?;
            let wait = self.interval - spread / 2 + spread * (round % 50) / 50;
            while start.elapsed() < wait {
                std::hint::spin_loop();
            }
            self.change(false)?;
            for _ in 0..more {
                self.change(true)?;
                self.change(false)?;
            }
            self.agree(false)
                .with_context(|| format!("in round {round}, released after {wait:?}"))?;
        }
        ensure!(!self.events.is_empty(), "no press was ever long enough");
        Ok(())
    }
}

fn edge_at_the_end_of_the_interval(device: &Device) -> Result<()> {
    let line = SimLine::debounced(device)?;
    let set = |level| line.set(level);
    Contact::new(device, line.number, &set)?.rounds(150, 0)
}

/// A line with a debounce time of a millisecond.
fn short_interval(
    device: &Device,
    rounds: impl FnOnce(&mut Contact<'_>) -> Result<()>,
) -> Result<()> {
    let chip = SimChip::new("chip", 1)?;
    let line = ConfigLine::of_chip("one", &chip, 0)?;
    line.put("debounce_ms", "1")?;
    line.put("number", "1000")?;
    line.go_live()?;
    let set = |level| chip.pull(0, if level { Pull::Up } else { Pull::Down });
    rounds(&mut Contact::new(device, 1000, &set)?)
}

fn edge_at_the_end_of_a_short_interval(device: &Device) -> Result<()> {
    short_interval(device, |contact| contact.rounds(1500, 0))
}

fn two_edges_at_the_end_of_a_short_interval(device: &Device) -> Result<()> {
    short_interval(device, |contact| contact.rounds(1000, 1))
}

/// Each event reports a level that the contact kept for at least the interval.
fn only_a_quiet_contact_is_reported(device: &Device) -> Result<()> {
    short_interval(device, |contact| {
        let interval = contact.interval.as_nanos() as u64;
        let mut level = false;
        for round in rounds(3000) {
            level = !level;
            contact.change(level)?;
            // Sometimes long enough, mostly not, and often close to the limit.
            let pause = interval * [0, 1, 90, 98, 100, 102, 130][round as usize % 7] / 100;
            let start = now_ns()?;
            while now_ns()? - start < pause {}
            let events = contact.queue.drain_records()?;
            contact.note(events)?;
        }
        contact.agree(level)?;
        let changes = &contact.changes;
        for event in &contact.events {
            let (stamp, value) = (event.timestamp_ns, event.value == 1);
            let quiet = changes
                .iter()
                .enumerate()
                .any(|(index, (before, after, level))| {
                    let until = changes.get(index + 1).map_or(u64::MAX, |next| next.1);
                    // The longest time for which the contact may have been quiet.
                    *level == value && *after >= stamp && until - before >= interval
                });
            ensure!(
                quiet,
                "seen {event:?}, but the contact did not keep that level for {interval} ns"
            );
        }
        println!(
            "# {} events of {} edges",
            contact.events.len(),
            changes.len()
        );
        ensure!(contact.events.len() > 10, "hardly any event");
        Ok(())
    })
}
