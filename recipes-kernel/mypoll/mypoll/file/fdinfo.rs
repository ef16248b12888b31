// SPDX-License-Identifier: GPL-2.0-only

//! /proc/PID/fdinfo/FD of an open file.

use super::OpenFile;
use crate::event::{
    Kind,
    Source, //
};
use kernel::{
    seq_file::SeqFile,
    seq_print, //
};

/// Writes the settings and statistics of the queue that `open` reads.
pub(crate) fn show(open: &OpenFile, text: &SeqFile) {
    let Some(queue) = open.queue() else {
        let snapshot = open.context().bus.snapshot();
        seq_print!(text, "queue:\tshared\n");
        seq_print!(text, "capacity:\t{}\n", snapshot.capacity);
        seq_print!(text, "depth:\t{}\n", snapshot.depth);
        seq_print!(text, "high-water:\t{}\n", snapshot.high_water);
        seq_print!(text, "lost:\t{}\n", snapshot.counters.dropped);
        return;
    };
    let Ok((stats, settings)) = queue.stats_and_settings() else {
        return;
    };
    seq_print!(text, "queue:\tprivate\n");
    seq_print!(text, "capacity:\t{}\n", stats.capacity);
    seq_print!(text, "depth:\t{}\n", stats.depth);
    seq_print!(text, "high-water:\t{}\n", stats.high_water);
    seq_print!(text, "generated:\t{}\n", stats.generated);
    seq_print!(text, "read:\t{}\n", stats.read);
    seq_print!(text, "lost:\t{}\n", stats.lost);
    seq_print!(text, "overflow:\t{}\n", settings.overflow.name());
    seq_print!(text, "clock:\t{}\n", settings.clock.name());
    seq_print!(text, "watermark-events:\t{}\n", settings.watermark_events);
    seq_print!(
        text,
        "watermark-us:\t{}\n",
        settings.watermark_us.unwrap_or(0)
    );
    seq_print!(text, "sources:\t");
    for source in Source::ALL {
        if settings.filter.takes_source(source) {
            seq_print!(text, "{} ", source.name());
        }
    }
    seq_print!(text, "\nkinds:\t");
    for kind in Kind::ALL {
        if settings.filter.takes_kind(kind) {
            seq_print!(text, "{} ", kind.name());
        }
    }
    seq_print!(text, "\nlines:\t");
    match settings.filter.lines() {
        None => seq_print!(text, "all"),
        Some(lines) => lines.for_each(|number| seq_print!(text, "{number} ")),
    }
    seq_print!(text, "\n");
}
