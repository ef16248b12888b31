// SPDX-License-Identifier: MIT OR Apache-2.0

//! The counters of a line in MYPOLL_GET_LINE.

use anyhow::{Context, Result, ensure};
use mypoll::uapi::{self, Config, Line};

use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::queue::{Queue, only_line};
use crate::sim_line::SimLine;

tests!("counters":
    edges_and_reports_of_a_line,
    one_edge_alone,
    bounces,
    full_queues_count_losses,
    dropped_is_of_the_line_whose_event_was_lost,
    the_shared_queues_losses_are_not_dropped,
    reset_leaves_them,
    reported_begins_with_the_line,
);

fn line_info(device: &Device, line: &SimLine) -> Result<Line> {
    let info = device.open()?.line_info(line.number);
    info.context("MYPOLL_GET_LINE")
}

/// The increments of edges, reported, bounced and dropped since `before`.
fn growth(device: &Device, line: &SimLine, before: &Line) -> Result<[u64; 4]> {
    let now = line_info(device, line)?;
    Ok([
        now.edges - before.edges,
        now.reported - before.reported,
        now.bounced - before.bounced,
        now.dropped - before.dropped,
    ])
}

fn edges_and_reports_of_a_line(device: &Device) -> Result<()> {
    let (line, other) = (SimLine::plain(device)?, SimLine::button(device)?);
    let before = [line_info(device, &line)?, line_info(device, &other)?];
    for _ in 0..5 {
        line.press()?;
        line.release()?;
    }
    expect_eq("growth", growth(device, &line, &before[0])?, [10, 10, 0, 0])?;
    expect_eq(
        "growth of another line",
        growth(device, &other, &before[1])?,
        [0; 4],
    )
}

fn one_edge_alone(device: &Device) -> Result<()> {
    for line in [SimLine::rising(device)?, SimLine::falling(device)?] {
        let before = line_info(device, &line)?;
        for _ in 0..3 {
            line.press()?;
            line.release()?;
        }
        let [_, reported, bounced, _] = growth(device, &line, &before)?;
        expect_eq(line.label(), (reported, bounced), (3, 0))?;
    }
    Ok(())
}

/// However the contact bounces, each edge produces an event or counts as bounced.
fn bounces(device: &Device) -> Result<()> {
    let line = SimLine::debounced(device)?;
    let queue = Queue::open(
        device,
        Config {
            lines: only_line(line.number),
            sources: 1 << uapi::SOURCE_GPIO,
            ..Config::default()
        },
    )?;
    let before = line_info(device, &line)?;
    for pressed in [true, false] {
        for _ in 0..3 {
            line.set(pressed)?;
            line.set(!pressed)?;
        }
        line.set(pressed)?;
        // If that took longer than the line's interval, there is more than one event.
        while queue.next_record()?.value != pressed.into() {}
        queue.drain_until_quiet_records()?;
    }
    let [edges, reported, bounced, dropped] = growth(device, &line, &before)?;
    expect_eq("edges", edges, 14)?;
    ensure!(
        reported + bounced == edges && (2..=14).contains(&reported),
        "seen {reported} reported and {bounced} bounced of {edges}"
    );
    expect_eq("dropped", dropped, 0)?;
    expect_eq("reported", u64::from(queue.levels()?.sequence), reported)
}

fn full_queues_count_losses(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let of = |overflow| {
        let capacity = 2;
        Queue::open(
            device,
            Config {
                capacity,
                overflow,
                ..Config::default()
            },
        )
    };
    let newest = of(uapi::OVERFLOW_DROP_NEWEST)?;
    let before = line_info(device, &line)?;
    for _ in 0..3 {
        line.press()?;
        line.release()?;
    }
    newest.expect_account(0, 4, 2)?;
    expect_eq("growth", growth(device, &line, &before)?, [6, 6, 0, 4])?;
    let oldest = of(uapi::OVERFLOW_DROP_OLDEST)?;
    for _ in 0..3 {
        line.press()?;
        line.release()?;
    }
    oldest.expect_account(0, 4, 2)?;
    expect_eq("growth", growth(device, &line, &before)?, [12, 12, 0, 14])
}

fn dropped_is_of_the_line_whose_event_was_lost(device: &Device) -> Result<()> {
    let (one, other) = (SimLine::plain(device)?, SimLine::button(device)?);
    let lines = device.lines()?;
    let dropped = || -> Result<Vec<u64>> {
        let handle = device.open()?;
        let of = |line: &crate::device::Line| Ok(handle.line_info(line.number)?.dropped);
        lines.iter().map(of).collect()
    };
    // The counters of all lines; only that of `lossy` grows.
    let expect = |before: &[u64], lossy: Option<u32>| -> Result<()> {
        let expected: Vec<u64> = lines
            .iter()
            .zip(before)
            .map(|(line, before)| before + u64::from(Some(line.number) == lossy))
            .collect();
        expect_eq("dropped of each line", dropped()?, expected)
    };
    for (overflow, lossy) in [
        (uapi::OVERFLOW_DROP_NEWEST, &other),
        (uapi::OVERFLOW_DROP_OLDEST, &one),
    ] {
        for pressed in [true, false] {
            let queue = Queue::open(
                device,
                Config {
                    capacity: 1,
                    overflow,
                    ..Config::default()
                },
            )?;
            let before = dropped()?;
            one.set(pressed)?;
            other.set(pressed)?;
            expect(&before, Some(lossy.number))?;
            // An event without a line counts for no line.
            queue.drain_records()?;
            let before = dropped()?;
            queue.triggers(3)?;
            expect(&before, None)?;
        }
    }
    Ok(())
}

fn the_shared_queues_losses_are_not_dropped(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    let before = line_info(device, &line)?;
    device.open_nonblocking()?.fill()?;
    line.press()?;
    line.release()?;
    device.wait_until_dropped(2)?;
    expect_eq("growth", growth(device, &line, &before)?, [2, 2, 0, 0])
}

fn reset_leaves_them(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    line.press()?;
    let before = line_info(device, &line)?;
    ensure!(before.edges > 0, "seen {before:?}, expected an edge");
    device.open()?.command("reset")?;
    expect_eq("growth", growth(device, &line, &before)?, [0; 4])
}

fn reported_begins_with_the_line(device: &Device) -> Result<()> {
    let line = SimLine::plain(device)?;
    line.press()?;
    device.binding()?.unbind()?;
    device.binding()?.bind()?;
    let info = line_info(device, &line)?;
    expect_eq(
        "edges, reported, bounced, dropped",
        [info.edges, info.reported, info.bounced, info.dropped],
        [0, 1, 0, 0],
    )
}
