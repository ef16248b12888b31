// SPDX-License-Identifier: GPL-2.0-only

//! `mypoll/queues` in debugfs: the private queues with their owners and statistics.

use crate::context::Context;
use kernel::{
    c_str,
    debugfs::{
        Dir,
        File, //
    },
    fmt,
    prelude::*,
    sync::Arc, //
};

/// The directory, removed on drop.
pub(crate) type DebugFolder = Pin<KBox<File<Arc<Context>>>>;

/// Creates the directory.
pub(crate) fn debug_folder(context: Arc<Context>) -> Result<DebugFolder> {
    let folder = Dir::new(c_str!("mypoll"));
    KBox::pin_init(
        folder.read_callback_file(c_str!("queues"), context, &queues),
        GFP_KERNEL,
    )
}

/// A line for each private queue.
fn queues(context: &Arc<Context>, text: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bus = &context.bus;
    for (pid, stats) in (0..bus.queues_max()).filter_map(|slot| bus.sink_stats(slot)) {
        writeln!(
            text,
            "pid={pid} capacity={} depth={} high_water={} generated={} read={} lost={}",
            stats.capacity, stats.depth, stats.high_water, stats.generated, stats.read, stats.lost
        )?;
    }
    Ok(())
}
