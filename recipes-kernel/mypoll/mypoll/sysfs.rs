// SPDX-License-Identifier: GPL-2.0-only

//! What the files in /sys/class/misc/mypoll say.

use crate::{
    hub::Hub,
    text::TextBuffer, //
};
use core::fmt::Write as _;
use kernel::{
    fmt,
    prelude::*, //
};

/// How many of [`values`] are in `stats`: Day51's keys in its order, and one that came later.
const STATS: usize = 8;

/// What there is to know, of one moment.
fn values(hub: &Hub) -> [(&'static str, u64); 11] {
    let snapshot = hub.snapshot();
    let statistics = snapshot.statistics;
    let timer_running = hub.ticker.lock().is_some();
    [
        ("event_sequence", snapshot.sequence.into()),
        ("generated", statistics.generated.into()),
        ("dropped", statistics.dropped.into()),
        ("manual_triggered", statistics.manual.into()),
        ("timer_triggered", statistics.timer.into()),
        ("queue_depth", snapshot.depth as u64),
        ("timer_running", timer_running.into()),
        ("gpio_triggered", statistics.gpio.into()),
        ("queue_capacity", snapshot.capacity as u64),
        ("queue_high_water", snapshot.high_water as u64),
        ("private_queues", snapshot.private_queues as u64),
    ]
}

/// `stats`: one `key=value` a line.
pub(crate) fn stats(hub: &Hub, text: &mut TextBuffer<'_>) -> fmt::Result {
    for (key, value) in &values(hub)[..STATS] {
        writeln!(text, "{key}={value}")?;
    }
    Ok(())
}

/// `statistics/`: one value, that of the file called `name`.
pub(crate) fn statistic(hub: &Hub, name: &[u8], text: &mut TextBuffer<'_>) -> fmt::Result {
    let values = values(hub);
    let (_, value) = values
        .iter()
        .find(|(key, _)| key.as_bytes() == name)
        .ok_or(fmt::Error)?;
    writeln!(text, "{value}")
}

/// `lines`: number and label of each GPIO line.
pub(crate) fn lines(hub: &Hub, text: &mut TextBuffer<'_>) -> fmt::Result {
    for (number, label) in hub.lines.lock().iter() {
        // `writeln!` can't show a CStr from 7.2 on.
        text.write_fmt(fmt!("line={number} label={}\n", &**label))?;
    }
    Ok(())
}
