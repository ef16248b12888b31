// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sinks that run, by their sections of the configuration.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::{
    task::JoinHandle,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{config::Config, context::Context, net::Sockets, sink::Section};

/// How long the sinks that were taken out of the configuration have to end.
const SINK_END: Duration = Duration::from_secs(1);

struct Running {
    section: Section,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// The sinks that run.
#[derive(Default)]
pub(super) struct Sinks(Vec<Running>);

impl Sinks {
    /// Has the sinks of `config` run: those with an unchanged section go on, unless their Unix socket
    /// was removed; the others end or start.
    ///
    /// # Errors
    ///
    /// One can't be prepared. All go on as before.
    pub(super) async fn change(&mut self, config: &Config, context: &Context) -> Result<()> {
        let mut kept = vec![false; self.0.len()];
        let mut new = Vec::new();
        let sections = config.sinks();
        Sockets::distinct(sections.iter().filter_map(Section::endpoint))?;
        for section in sections {
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
        // Those that go on may have to show other certificates, and take other tokens.
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
                warn!("{} does not end, leaving it behind", running.section.name());
                running.task.abort();
            }
        }
        self.0.extend(new.into_iter().map(|(section, run)| {
            let stop = CancellationToken::new();
            let task = tokio::spawn(run(stop.clone()));
            Running {
                section,
                stop,
                task,
            }
        }));
        Ok(())
    }

    /// Waits until all have delivered what is left.
    pub(super) async fn ended(&mut self) {
        while let Some(running) = self.0.last_mut() {
            if (&mut running.task).await.is_err() {
                warn!("{} failed", running.section.name());
            }
            self.0.pop();
        }
    }

    /// Those that have not ended.
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
