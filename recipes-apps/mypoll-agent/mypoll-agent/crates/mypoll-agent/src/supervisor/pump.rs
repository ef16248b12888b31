// SPDX-License-Identifier: MIT OR Apache-2.0
//! Moves updates from the source to the journal, and adds derived events.

use std::{future::pending, mem, time::Duration};

use tokio::{
    sync::mpsc,
    task::{self, JoinHandle},
    time,
};
use tracing::warn;

use crate::{
    clock::monotonic_ns,
    config::Config,
    journal::{Derived, Numbered, Update, Writer},
    source::Source,
    stage::Stages,
    status::{Reporter, Status},
};

/// How long to wait for remaining data of a replaced source.
const SOURCE_END: Duration = Duration::from_secs(1);

/// The longest sleep: later deadlines are checked again.
const LONGEST_SLEEP: u64 = 24 * 60 * 60 * 1_000_000_000;

enum Change {
    Source(Box<Source>),
    Stages(Box<Config>),
    /// Stop after this long without data from the source.
    Drain(Duration),
}

/// A task that reads the source.
pub(super) struct Pump {
    changes: mpsc::UnboundedSender<Change>,
    task: JoinHandle<()>,
}

impl Pump {
    pub(super) fn start(source: Source, config: &Config, writer: Writer, status: &Status) -> Self {
        let (changes, receiver) = mpsc::unbounded_channel();
        let mut stages = Stages::default();
        stages.change(config, status, writer.lines(), monotonic_ns());
        let running = Running {
            writer,
            stages,
            reporter: status.reporter("pump"),
            status: status.clone(),
        };
        let task = tokio::spawn(running.run(source, receiver));
        Self { changes, task }
    }

    /// Switches to another source.
    pub(super) fn replace(&self, source: Source) {
        // The task only exits after `drain`.
        let _ = self.changes.send(Change::Source(Box::new(source)));
    }

    /// Applies the stages of another configuration.
    pub(super) fn change(&self, config: &Config) {
        let _ = self.changes.send(Change::Stages(Box::new(config.clone())));
    }

    /// Reads the rest of the source, unless nothing arrives for `limit`, and closes the journal.
    pub(super) async fn drain(&mut self, limit: Duration) {
        let _ = self.changes.send(Change::Drain(limit));
        let _ = (&mut self.task).await;
    }
}

struct Running {
    writer: Writer,
    stages: Stages,
    reporter: Reporter,
    status: Status,
}

impl Running {
    async fn run(mut self, mut source: Source, mut changes: mpsc::UnboundedReceiver<Change>) {
        let mut waited = true;
        let limit = loop {
            let due = self.stages.due();
            tokio::select! {
                biased;
                change = changes.recv() => match change {
                    Some(Change::Source(new)) => {
                        let old = mem::replace(&mut source, *new);
                        self.finish(old, SOURCE_END).await;
                    }
                    Some(Change::Stages(config)) => {
                        let lines = self.writer.lines();
                        let derived = self.stages.change(&config, &self.status, lines, monotonic_ns());
                        self.derive(derived).await;
                    }
                    Some(Change::Drain(limit)) => break limit,
                    None => break SOURCE_END,
                },
                // Before due results: available events may change them.
                update = source.next() => {
                    // Let readers run first, so that a burst does not overrun one that keeps up. If the source was idle, they have run
                    // already, and yielding again would only poll the reactor.
                    if !mem::take(&mut waited) {
                        task::yield_now().await;
                    }
                    self.append(update).await;
                }
                () = reached(due) => {
                    let derived = self.stages.tick(monotonic_ns());
                    self.derive(derived).await;
                }
                () = idle(&mut waited) => {}
            }
        };
        self.finish(source, limit).await;
        let derived = self.stages.end(monotonic_ns());
        self.derive(derived).await;
        self.writer.close().await;
    }

    /// Reads the rest of the source, waiting at most `limit` for more of it.
    async fn finish(&mut self, mut source: Source, limit: Duration) {
        while let Ok(update) = time::timeout(limit, source.take()).await {
            let Some(update) = update else {
                return;
            };
            self.append(update).await;
            task::yield_now().await;
        }
        warn!("the source does not end within {limit:?}; abandoning it");
    }

    async fn append(&mut self, update: Update) {
        let _busy = self.reporter.busy();
        let mut numbered = self.writer.number(update);
        if !self.stages.is_empty() {
            let (events, looked) = (&numbered.events, numbered.lines.is_some());
            let lines = self.writer.lines();
            let derived = self.stages.take(events, looked, lines, monotonic_ns());
            self.writer.derive(&mut numbered, derived);
        }
        self.writer.write(numbered).await;
    }

    async fn derive(&mut self, derived: Vec<Derived>) {
        if derived.is_empty() {
            return;
        }
        let _busy = self.reporter.busy();
        let mut numbered = Numbered::default();
        self.writer.derive(&mut numbered, derived);
        self.writer.write(numbered).await;
    }
}

/// Notes that nothing else was ready. Never ends.
async fn idle(waited: &mut bool) {
    *waited = true;
    pending().await
}

/// Ends at a time of CLOCK_MONOTONIC in nanoseconds; never without one.
async fn reached(due: Option<u64>) {
    let Some(due) = due else {
        return pending().await;
    };
    let left = due.saturating_sub(monotonic_ns()).min(LONGEST_SLEEP);
    time::sleep(Duration::from_nanos(left)).await;
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write as _};

    use nix::{sys::stat::Mode, unistd::mkfifo};
    use tempfile::TempDir;

    use super::*;
    #[cfg(feature = "gpiochip")]
    use crate::source::gpiochip::Gpiochip;
    use crate::{
        context::Context,
        identity::Identity,
        journal::{Delivery, Journal, Start},
    };

    /// Ends a test that hangs.
    const LONG: Duration = Duration::from_secs(60);

    fn config(text: &str) -> Config {
        Config::parse("agent.toml".as_ref(), text).unwrap()
    }

    /// A FIFO, and the configuration of a source that reads it.
    fn simulated() -> (TempDir, File, Config) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        let config = config(&format!("[simulated]\npath = {path:?}"));
        // Also open for reading, so that opening does not wait for a reader.
        let fifo = File::options().read(true).write(true).open(path).unwrap();
        (folder, fifo, config)
    }

    fn journal(config: &Config) -> (Context, Writer) {
        let identity = Identity::of_this_machine(None);
        let (journal, writer) = Journal::in_memory(identity, config.journal.memory);
        (Context::new(journal), writer)
    }

    #[tokio::test]
    async fn a_burst_does_not_overrun_a_reader_that_keeps_up() {
        // Twice the capacity of the journal.
        const EVENTS: u64 = 7000;
        let (_folder, mut fifo, config) = simulated();
        let (context, writer) = journal(&config);
        let source = Source::open(&config, &context).await.unwrap();
        let mut cursor = context.journal.cursor(Start::Now);
        let text = "rising 0\n".repeat(EVENTS as usize);
        fifo.write_all(text.as_bytes()).unwrap();
        let mut pump = Pump::start(source, &config, writer, &context.status);
        let mut next = 1;
        while next <= EVENTS {
            match cursor.next().await {
                Some(Delivery::Events(batch)) => next = batch.next(),
                other => panic!("{other:?} after {next}"),
            }
        }
        pump.drain(LONG).await;
    }

    #[cfg(feature = "gpiochip")]
    fn hanging(context: &Context) -> Source {
        let config = config("[gpiochip]\nlines = [{ name = 'button' }]");
        Source::Gpiochip(Gpiochip::hanging(config.gpiochip.unwrap(), context))
    }

    #[cfg(feature = "gpiochip")]
    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_does_not_keep_the_journal_from_ending() {
        let config = Config::default();
        let (context, writer) = journal(&config);
        let mut pump = Pump::start(hanging(&context), &config, writer, &context.status);
        pump.drain(Duration::from_secs(1)).await;
        context.journal.ended().await;
    }

    #[cfg(feature = "gpiochip")]
    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_replaced() {
        let (_folder, mut fifo, config) = simulated();
        let (context, writer) = journal(&config);
        let mut cursor = context.journal.cursor(Start::Now);
        let pump = Pump::start(hanging(&context), &config, writer, &context.status);
        fifo.write_all(b"rising 0\n").unwrap();
        pump.replace(Source::open(&config, &context).await.unwrap());
        assert!(matches!(cursor.next().await, Some(Delivery::Events(_))));
    }

    #[tokio::test]
    async fn remaining_updates_are_read_before_a_source_is_replaced() {
        let (_folder, mut fifo, config) = simulated();
        let (_other_folder, _other_fifo, other) = simulated();
        let (context, writer) = journal(&config);
        let mut cursor = context.journal.cursor(Start::Now);
        let source = Source::open(&config, &context).await.unwrap();
        fifo.write_all(b"rising 0\n").unwrap();
        let pump = Pump::start(source, &config, writer, &context.status);
        // Before its task has run.
        pump.replace(Source::open(&other, &context).await.unwrap());
        assert!(matches!(cursor.next().await, Some(Delivery::Events(_))));
    }
}
