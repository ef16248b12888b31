// SPDX-License-Identifier: MIT OR Apache-2.0
//! The running sinks, by their sections of the configuration.

use std::{future::Future, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{
    task::JoinHandle,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{config::Config, context::Context, sink::Section, status::Condition};

/// Time limit for sinks that were removed from the configuration.
const SINK_END: Duration = Duration::from_secs(1);

struct Running {
    section: Section,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// The running sinks.
#[derive(Default)]
pub(super) struct Sinks(Vec<Running>);

impl Sinks {
    /// Runs the sinks of `config`: those with an unchanged section continue, unless their Unix socket was removed; the
    /// others stop or start.
    ///
    /// # Errors
    ///
    /// Preparing one fails. All continue as before.
    pub(super) async fn change(&mut self, config: &Config, context: &Context) -> Result<()> {
        let mut kept = vec![false; self.0.len()];
        let mut new = Vec::new();
        for section in config.sinks() {
            let endpoint = section.endpoint();
            let is_there = endpoint.is_none_or(|endpoint| context.sockets.are_there(endpoint));
            let same = self
                .0
                .iter()
                .zip(&kept)
                .position(|(running, kept)| !kept && running.section == section && is_there);
            if let Some(index) = same {
                kept[index] = true;
                continue;
            }
            let run = section.prepare(context).with_context(|| section.name())?;
            new.push((section, run));
        }
        // The remaining ones may need new certificates and tokens.
        let staying = self.0.iter().zip(&kept).filter(|(_, kept)| **kept);
        let endpoints = staying.filter_map(|(running, _)| running.section.endpoint());
        let refresh = context.sockets.refresh(endpoints)?;
        let mut kept = kept.into_iter();
        refresh.commit();
        let mut ending = Vec::new();
        self.0 = std::mem::take(&mut self.0)
            .into_iter()
            .filter_map(|running| match kept.next() {
                Some(true) => Some(running),
                _ => {
                    running.stop.cancel();
                    ending.push(running);
                    None
                }
            })
            .collect();
        let end = Instant::now() + SINK_END;
        for mut running in ending {
            if time::timeout_at(end, &mut running.task).await.is_err() {
                warn!("{} does not stop, abandoning it", running.section.name());
                running.task.abort();
            }
        }
        self.0.extend(new.into_iter().map(|(section, run)| {
            let stop = CancellationToken::new();
            let sink = run(stop.clone());
            let task = tokio::spawn(watched(sink, section.name(), context.clone(), stop.clone()));
            Running {
                section,
                stop,
                task,
            }
        }));
        Ok(())
    }

    /// Waits until all have delivered the remaining events.
    pub(super) async fn ended(&mut self) {
        while let Some(running) = self.0.last_mut() {
            if (&mut running.task).await.is_err() {
                warn!("{} failed", running.section.name());
            }
            self.0.pop();
        }
    }

    /// The sinks that are still running.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self
            .0
            .iter()
            .filter(|running| !running.task.is_finished())
            .map(|running| running.section.name())
            .collect();
        names.join(", ")
    }
}

/// Runs a sink. If it ends by itself, nothing reads its events, so the watchdog must notice.
async fn watched(
    sink: impl Future<Output = ()>,
    name: String,
    context: Context,
    stop: CancellationToken,
) {
    sink.await;
    if stop.is_cancelled() || context.journal.has_ended() {
        return;
    }
    error!("{name} ended by itself");
    let reporter = context.status.reporter(name);
    reporter.set(Condition::Waiting("it ended by itself".to_owned()));
    let _busy = reporter.busy();
    tokio::select! {
        () = stop.cancelled() => {}
        () = context.journal.ended() => {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::task;

    use super::*;
    use crate::{identity::Identity, journal::Journal};

    fn ending(name: &str, context: &Context, stop: &CancellationToken) -> JoinHandle<()> {
        let (context, stop) = (context.clone(), stop.clone());
        tokio::spawn(watched(async {}, name.to_owned(), context, stop))
    }

    #[tokio::test]
    async fn a_sink_that_ends_by_itself_makes_no_progress() {
        let (journal, writer) = Journal::in_memory(Identity::of_this_machine(None), 1 << 16);
        let context = Context::new(journal);
        let stop = CancellationToken::new();
        let stuck = || context.status.stuck(Duration::ZERO);
        let sink = ending("one", &context, &stop);
        while stuck().is_none() {
            task::yield_now().await;
        }
        assert_eq!(stuck().as_deref(), Some("one"));
        assert_eq!(context.status.waiting().len(), 1);
        stop.cancel();
        sink.await.unwrap();
        assert_eq!(stuck(), None);
        // A sink that is stopped ends normally.
        ending("two", &context, &stop).await.unwrap();
        writer.close().await;
        let stop = CancellationToken::new();
        ending("three", &context, &stop).await.unwrap();
    }
}
