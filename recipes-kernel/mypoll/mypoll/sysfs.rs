// SPDX-License-Identifier: GPL-2.0-only

//! The files in /sys/class/misc/mypoll.

use crate::{
    bus::Counters,
    context::Context,
    text::TextBuffer, //
};
use core::fmt::Write as _;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Writes the file `name` to `page`. Returns the number of bytes.
///
/// `EOVERFLOW` if they exceed a page.
pub(crate) fn show(context: &Arc<Context>, name: &[u8], page: &mut [u8]) -> Result<usize> {
    let mut text = TextBuffer::new(page);
    match name {
        b"stats" => stats(context, &mut text),
        b"lines" => lines(context, &mut text),
        _ => statistic(context, name, &mut text),
    }
    .map_err(|_| EOVERFLOW)?;
    Ok(text.len())
}

/// `stats`: programs rely on these keys and their order. Counters start at `reset`, and wrap at 32 bits.
fn stats(context: &Context, text: &mut TextBuffer<'_>) -> core::fmt::Result {
    let snapshot = context.bus.snapshot();
    let since_reset = |counter: fn(&Counters) -> u64| {
        (counter(&snapshot.counters) - counter(&snapshot.base)) as u32
    };
    let timer_running = u32::from(context.timer.is_running());
    for (key, value) in [
        ("event_sequence", snapshot.sequence),
        ("generated", since_reset(|counters| counters.generated)),
        ("dropped", since_reset(|counters| counters.dropped)),
        ("manual_triggered", since_reset(|counters| counters.manual)),
        ("timer_triggered", since_reset(|counters| counters.timer)),
        ("queue_depth", snapshot.depth as u32),
        ("timer_running", timer_running),
        ("gpio_triggered", since_reset(|counters| counters.gpio)),
    ] {
        writeln!(text, "{key}={value}")?;
    }
    Ok(())
}

/// `statistics/`: one value. Counters start at load and are never reset.
fn statistic(context: &Context, name: &[u8], text: &mut TextBuffer<'_>) -> core::fmt::Result {
    let snapshot = context.bus.snapshot();
    let counters = snapshot.counters;
    let value = match name {
        b"event_sequence" => snapshot.sequence.into(),
        b"generated" => counters.generated,
        b"dropped" => counters.dropped,
        b"manual_triggered" => counters.manual,
        b"timer_triggered" => counters.timer,
        b"gpio_triggered" => counters.gpio,
        b"timer_running" => context.timer.is_running().into(),
        b"queue_depth" => snapshot.depth as u64,
        b"queue_capacity" => snapshot.capacity as u64,
        b"queue_high_water" => snapshot.high_water as u64,
        b"private_queues" => snapshot.private_queues as u64,
        b"queues_max" => context.bus.queues_max() as u64,
        _ => return Err(core::fmt::Error),
    };
    writeln!(text, "{value}")
}

/// `lines`: number and label of each GPIO line.
fn lines(context: &Context, text: &mut TextBuffer<'_>) -> core::fmt::Result {
    for (number, label) in context.gpio.lines.lock().iter() {
        write!(text, "line={number} label=")?;
        text.write_bytes(label)?;
        text.write_bytes(b"\n")?;
    }
    Ok(())
}
