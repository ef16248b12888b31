// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stages as the pump drives them, with a simulated clock.

mod batches;
mod chords;
mod sections;

use super::*;
use crate::{
    event::WallTime,
    lines::{Line, Settings},
};

const MS: u64 = 1_000_000;

/// Three lines and their stages.
struct Bench {
    stages: Stages,
    lines: Lines,
    status: Status,
}

/// A derived event: kind, line, value, time in milliseconds.
type Follows = (Kind, u32, u32, u64);

/// An event of a line, and when it happened in milliseconds.
type Step = (Kind, u32, u64);

impl Bench {
    fn new(config: &str) -> Self {
        let mut bench = Self {
            stages: Stages::default(),
            lines: lines(&["left", "middle", "right"]),
            status: Status::default(),
        };
        assert_eq!(bench.change(config, 0), []);
        bench
    }

    /// Applies another configuration; returns derived events.
    fn change(&mut self, config: &str, now: u64) -> Vec<Follows> {
        let config = Config::parse("a.toml".as_ref(), config).unwrap();
        let derived = self
            .stages
            .change(&config, &self.status, &self.lines, now * MS);
        plain(&derived)
    }

    /// Processes a batch at a time in milliseconds; returns derived events.
    fn take(&mut self, steps: &[Step], now: u64) -> Vec<Follows> {
        let events: Vec<_> = steps.iter().map(|step| event(*step)).collect();
        let derived = self.stages.take(&events, false, &self.lines, now * MS);
        plain(&derived)
    }

    /// Waits until a time, without events.
    fn wait(&mut self, until: u64) -> Vec<Follows> {
        let mut derived = Vec::new();
        while let Some(due) = self.stages.due().filter(|due| *due <= until * MS) {
            derived.extend(self.stages.tick(due));
        }
        plain(&derived)
    }

    /// The waiting sections, with their reasons.
    fn waiting(&self) -> Vec<(String, String)> {
        self.status.waiting()
    }
}

fn lines(labels: &[&str]) -> Lines {
    let line = |(label, number): (&&str, u32)| Line {
        number,
        label: Some((*label).into()),
        active: Some(false),
        settings: Settings {
            rising: true,
            falling: true,
            ..Settings::default()
        },
    };
    labels.iter().zip(0..).map(line).collect()
}

fn event((kind, line, at): Step) -> Event {
    Event {
        sequence: 1,
        reading: Reading {
            timestamp_ns: at * MS,
            source: kind.source().unwrap(),
            kind,
            line,
            value: u32::from(kind == Kind::RISING),
            lost: 0,
        },
        time: WallTime {
            unix_ns: 0,
            synchronized: true,
        },
        label: None,
    }
}

fn plain(derived: &[Derived]) -> Vec<Follows> {
    let plain = |Derived { reading, label }: &Derived| {
        assert_eq!(reading.kind.source(), Some(reading.source));
        assert_eq!(reading.lost, 0);
        assert!(label.is_some());
        (
            reading.kind,
            reading.line,
            reading.value,
            reading.timestamp_ns / MS,
        )
    };
    derived.iter().map(plain).collect()
}

#[test]
fn a_click_is_reported_when_no_other_can_follow() {
    let mut bench = Bench::new("[[gesture]]\nlabel = 'middle'");
    let press = [(Kind::RISING, 1, 100), (Kind::FALLING, 1, 200)];
    assert_eq!(bench.take(&press, 200), []);
    // The gap of 300 ms, and twice the maximum delay of an edge.
    assert_eq!(bench.wait(519), []);
    assert_eq!(bench.wait(520), [(Kind::CLICK, 1, 1, 200)]);
    assert_eq!(bench.stages.due(), None);
}

#[test]
fn a_late_edge_still_counts() {
    let mut bench = Bench::new("[[gesture]]\nlabel = 'middle'");
    assert_eq!(bench.take(&[(Kind::RISING, 1, 0)], 0), []);
    // The agent was stopped for a minute: the release was not read yet.
    assert_eq!(bench.stages.tick(60_000 * MS), []);
    assert_eq!(bench.take(&[(Kind::FALLING, 1, 100)], 60_001), []);
    assert_eq!(bench.wait(70_000), [(Kind::CLICK, 1, 1, 100)]);
}

#[test]
fn a_busy_source_delays_nothing() {
    let mut bench = Bench::new("[[gesture]]\nlabel = 'middle'");
    bench.take(&[(Kind::RISING, 1, 0), (Kind::FALLING, 1, 100)], 100);
    let mut found = Vec::new();
    for at in 100..500 {
        // Events of other lines, a second late.
        found.extend(bench.take(&[(Kind::RISING, 0, at)], at + 1000));
    }
    assert_eq!(found, [(Kind::CLICK, 1, 1, 100)]);
}

#[test]
fn a_debounced_line_has_more_time() {
    let mut bench = Bench::new("");
    let mut slow = bench.lines.get(1).unwrap().clone();
    slow.settings.debounce_us = 50_000;
    bench.lines.describe(&[slow]);
    bench.change("[[gesture]]\nlabel = 'middle'", 0);
    bench.take(&[(Kind::RISING, 1, 0)], 50);
    assert_eq!(bench.wait(569), []);
    assert_eq!(bench.wait(570), [(Kind::LONG_PRESS, 1, 500, 500)]);
}

#[test]
fn a_loss_affects_every_line() {
    let mut bench = Bench::new("[[gesture]]\nline = 0\n[[watchdog]]\nline = 0\nsilent = '1s'");
    bench.take(&[(Kind::RISING, 0, 0), (Kind::FALLING, 0, 10)], 10);
    let mut lost = event((Kind::TICK, 0, 400));
    lost.reading.lost = 3;
    let lines = bench.lines.clone();
    let derived = bench.stages.take(&[lost], false, &lines, 400 * MS);
    assert_eq!(plain(&derived), [(Kind::CLICK, 0, 1, 10)][..0]);
    assert_eq!(bench.wait(1419), []);
    assert_eq!(bench.wait(1420), [(Kind::SILENT, 0, 1000, 1400)]);
}
