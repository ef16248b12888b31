// SPDX-License-Identifier: GPL-2.0-only

//! `mypoll/queues` in debugfs: who has a private queue, and how it does.

use crate::hub::Hub;
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

/// The folder, until it is dropped.
pub(crate) type DebugFolder = Pin<KBox<File<Arc<Hub>>>>;

/// Makes the folder.
pub(crate) fn debug_folder(hub: Arc<Hub>) -> Result<DebugFolder> {
    let folder = Dir::new(c_str!("mypoll"));
    KBox::pin_init(
        folder.read_callback_file(c_str!("queues"), hub, &queues),
        GFP_KERNEL,
    )
}

/// A line for each private queue. One that comes or goes meanwhile may be missed or told twice.
fn queues(hub: &Arc<Hub>, text: &mut fmt::Formatter<'_>) -> fmt::Result {
    for index in 0.. {
        let Some(queue) = hub.private_queue(index) else {
            break;
        };
        let stats = queue.with_subscriber(|subscriber| subscriber.stats());
        writeln!(
            text,
            "pid={} capacity={} depth={} high_water={} generated={} read={} lost={}",
            queue.pid(),
            stats.capacity,
            stats.depth,
            stats.high_water,
            stats.generated,
            stats.read,
            stats.lost
        )?;
    }
    Ok(())
}
