// SPDX-License-Identifier: MIT OR Apache-2.0
//! Copies updates from the source to the journal.

use tokio::{
    sync::mpsc,
    task::{self, JoinHandle},
};

use crate::{
    journal::Writer,
    source::{AnySource, Source as _},
    status::{Reporter, Status},
};

enum Change {
    Replace(Box<AnySource>),
    Drain,
}

/// A task that takes what the source gives.
pub(super) struct Pump {
    changes: mpsc::UnboundedSender<Change>,
    task: JoinHandle<()>,
}

impl Pump {
    pub(super) fn start(source: AnySource, writer: Writer, status: &Status) -> Self {
        let (changes, receiver) = mpsc::unbounded_channel();
        let reporter = status.reporter("pump");
        let task = tokio::spawn(pump(source, writer, receiver, reporter));
        Self { changes, task }
    }

    /// Goes on with another source.
    pub(super) fn replace(&self, source: AnySource) {
        // The task ends by `drain` alone.
        let _ = self.changes.send(Change::Replace(Box::new(source)));
    }

    /// Takes what the source still has, and closes the journal.
    pub(super) async fn drain(&mut self) {
        let _ = self.changes.send(Change::Drain);
        let _ = (&mut self.task).await;
    }
}

async fn pump(
    mut source: AnySource,
    mut writer: Writer,
    mut changes: mpsc::UnboundedReceiver<Change>,
    reporter: Reporter,
) {
    loop {
        tokio::select! {
            update = source.next() => {
                let _busy = reporter.busy();
                writer.append(update).await;
                // Readers go first: a burst must not overrun one that keeps up.
                task::yield_now().await;
            }
            change = changes.recv() => match change {
                Some(Change::Replace(new)) => source = *new,
                Some(Change::Drain) | None => break,
            },
        }
    }
    while let Some(update) = source.take() {
        writer.append(update).await;
        task::yield_now().await;
    }
    writer.close().await;
}
