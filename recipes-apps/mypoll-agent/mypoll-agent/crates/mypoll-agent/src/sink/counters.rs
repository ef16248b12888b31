// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[counters]`: lets the journal count pulses, and keeps the totals across restarts and power cuts.
//!
//! The file contains the totals and the number of the last counted event. Later events in the journal are counted again
//! at startup.

mod file;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use tokio::{task, time};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::Run;
use crate::{
    context::Context,
    journal::{Counted, Delivery, Gap, Journal, Start},
    pulses::Pulses,
    section::{table::Table, value},
    status::{Condition, Reporter},
};

/// Number of events without a pulse after which the position is saved anyway: that many are quickly read again.
const FAR: u64 = 4096;

/// `[counters]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Delay before pulses are saved, above 0, at most 365 days. Default: 10 s.
    #[serde(deserialize_with = "value::duration_above_zero")]
    pub save: Duration,
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[counters]`";
}

impl Default for Config {
    fn default() -> Self {
        Self {
            save: Duration::from_secs(10),
        }
    }
}

impl Config {
    pub(super) fn name(&self) -> String {
        "counters".to_owned()
    }

    /// The file is read when the sink runs, after a removed sink has saved it.
    pub(super) fn prepare(&self, context: &Context) -> Run {
        let (save, context) = (self.save, context.clone());
        Box::new(move |stop| Box::pin(async move { run(save, &context, stop).await }))
    }
}

async fn run(every: Duration, context: &Context, stop: CancellationToken) {
    let journal = &context.journal;
    let reporter = context.status.reporter("counters");
    let path = journal.folder().map(|folder| folder.join("counters"));
    let (path, saved) = match path.as_deref().map(file::load) {
        None => (None, None),
        Some(Ok(saved)) => (path, saved),
        Some(Err(problem)) => {
            error!("counters: {problem}: counting the journal's events without saving");
            reporter.set(Condition::Waiting(problem));
            (None, None)
        }
    };
    let start = saved.as_ref().map_or(Start::Oldest, |saved| {
        Start::After(saved.session, saved.event)
    });
    let saved = saved.map(|saved| saved.pulses).unwrap_or_default();
    let store = Store {
        path,
        reporter: &reporter,
    };
    let next = journal.count(saved);
    tokio::select! {
        // Keep the saved totals: not everything in the journal was counted.
        () = stop.cancelled() => return journal.stop_counting(),
        before = before(journal, start, next) => journal.add_counted(&before),
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = store.keep(journal, every) => {}
    }
    if let Some(counted) = journal.counted() {
        store.save(counted).await;
    }
    if stop.is_cancelled() {
        journal.stop_counting();
    }
}

/// The pulses of the events after `start` and before the event `next`.
async fn before(journal: &Journal, start: Start, next: u64) -> Pulses {
    let mut pulses = Pulses::default();
    let mut cursor = journal.cursor(start);
    while cursor.position() < next {
        match cursor.next().await {
            Some(Delivery::Events(batch)) => {
                let events = batch.events().filter(|event| event.sequence < next);
                events.for_each(|event| pulses.count(event));
            }
            Some(Delivery::Gap(Gap { missed, .. })) => warn!(
                "counters: {missed} events were deleted from the journal before their pulses were counted"
            ),
            Some(Delivery::Era(_)) => {}
            None => break,
        }
    }
    pulses
}

/// The file of the totals; none if the journal is in memory.
struct Store<'a> {
    path: Option<PathBuf>,
    reporter: &'a Reporter,
}

impl Store<'_> {
    /// Saves periodically until the journal ends.
    async fn keep(&self, journal: &Journal, every: Duration) {
        let mut saved = (0, 0);
        while let (Some(path), Some(counted)) = (&self.path, journal.counted()) {
            let (event, total) = (counted.event, counted.pulses.total());
            let changed = total != saved.1 || event >= saved.0 + FAR;
            if changed && self.write(path, counted).await {
                saved = (event, total);
            }
            tokio::select! {
                () = journal.ended() => return,
                () = journal.appended_after(event) => {}
            }
            tokio::select! {
                () = journal.ended() => return,
                () = time::sleep(every) => {}
            }
        }
        journal.ended().await;
    }

    async fn save(&self, counted: Counted) {
        if let Some(path) = &self.path {
            self.write(path, counted).await;
        }
    }

    /// Returns whether it is saved.
    async fn write(&self, path: &Path, counted: Counted) -> bool {
        let _busy = self.reporter.busy();
        let file = path.to_owned();
        let write = task::spawn_blocking(move || file::save(&file, &counted));
        let problem = match write.await {
            Ok(Ok(())) => {
                if self.reporter.set(Condition::Working) {
                    info!("counters: saving again");
                }
                self.reporter.add("saved", 1);
                return true;
            }
            Ok(Err(problem)) => problem.to_string(),
            // The runtime is shutting down.
            Err(problem) => problem.to_string(),
        };
        let reason = format!("cannot save {}: {problem}", path.display());
        if self.reporter.set(Condition::Waiting(reason.clone())) {
            error!("counters: {reason}");
        }
        false
    }
}

#[cfg(test)]
mod tests;
