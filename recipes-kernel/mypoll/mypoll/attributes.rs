// SPDX-License-Identifier: GPL-2.0-only

//! What the files in /sys/class/misc/mypoll say.

use crate::{
    hub::Hub,
    text::TextBuffer, //
};
use core::fmt::Write as _;
use kernel::fmt;

/// `stats`: Day51's keys in its order, and those that came later.
pub(crate) fn stats(hub: &Hub, text: &mut TextBuffer<'_>) -> fmt::Result {
    let snapshot = hub.snapshot();
    let statistics = snapshot.statistics;
    let timer_running = u8::from(hub.ticker.lock().is_some());
    writeln!(text, "event_sequence={}", snapshot.sequence)?;
    writeln!(text, "generated={}", statistics.generated)?;
    writeln!(text, "dropped={}", statistics.dropped)?;
    writeln!(text, "manual_triggered={}", statistics.manual)?;
    writeln!(text, "timer_triggered={}", statistics.timer)?;
    writeln!(text, "queue_depth={}", snapshot.depth)?;
    writeln!(text, "timer_running={timer_running}")?;
    writeln!(text, "gpio_triggered={}", statistics.gpio)
}

/// `lines`: number and label of each GPIO line.
pub(crate) fn lines(hub: &Hub, text: &mut TextBuffer<'_>) -> fmt::Result {
    for (number, label) in hub.lines.lock().iter() {
        writeln!(text, "line={number} label={}", &**label)?;
    }
    Ok(())
}
