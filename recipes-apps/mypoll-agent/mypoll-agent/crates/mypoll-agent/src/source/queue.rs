// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's events, from a private queue, and its commands.

mod open;
mod reader;

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use mypoll::{Device, Error, queue::AsyncQueue};
use mypoll_protocol::Action;
use serde::Deserialize;
use tokio::{sync::mpsc, time};
use tracing::{info, warn};

use super::wait::Watch;
use crate::{
    command::{Executor, Order, Refused},
    context::Context,
    journal::Update,
    reason::words,
    section::{table::Table, value},
    status::{Condition, Reporter},
};
use open::reason;
use reader::Reader;

/// Retry interval if no file event announces the change: a queue or memory that others use.
const RETRY: Duration = Duration::from_secs(2);

/// `[device]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The device. Default: /dev/mypoll.
    #[serde(deserialize_with = "value::path")]
    pub path: PathBuf,
    /// Events that the driver queues while the agent is busy, 256 to 65536. Each takes 32 bytes of the memory that the user
    /// may lock. Default: 32768, which take 1 MiB.
    #[serde(deserialize_with = "value::whole::<_, _, 256, 65536>")]
    pub queue: u32,
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[device]`";
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: Device::PATH.into(),
            queue: 32768,
        }
    }
}

/// Reads a private queue. Waits if the device is missing.
pub struct Queue {
    context: Context,
    link: Link,
    /// Starts with the first `next`: before that, another source may use the driver.
    running: Option<Running>,
    /// The position at which draining ends.
    end: Option<u64>,
}

struct Running {
    reporter: Reporter,
    orders: mpsc::Receiver<Order>,
}

/// The open device, or the wait for it.
struct Link {
    config: Config,
    opened: Option<Opened>,
    watch: Option<Watch>,
    /// Updates that were read but not returned.
    updates: VecDeque<Update>,
}

struct Opened {
    queue: AsyncQueue,
    reader: Reader,
}

impl Opened {
    /// Waits for records and reads them into the reader's buffer. Returns 0 at once if the reader is behind.
    async fn read(&mut self) -> Result<usize, Error> {
        match self.reader.is_behind() {
            true => Ok(0),
            false => self.queue.read(&mut self.reader.buffer).await,
        }
    }
}

impl Queue {
    /// For the configured device, which is opened by `next`.
    pub fn new(config: &Config, context: &Context) -> Self {
        Self {
            context: context.clone(),
            link: Link {
                config: config.clone(),
                opened: None,
                watch: None,
                updates: VecDeque::new(),
            },
            running: None,
            end: None,
        }
    }

    /// Like [`Source::next`](super::Source::next).
    pub async fn next(&mut self) -> Update {
        let context = &self.context;
        let running = self.running.get_or_insert_with(|| Running {
            reporter: context.status.reporter("source"),
            orders: context.commands.register(Executor::Driver),
        });
        loop {
            if let Some(update) = self.link.updates.pop_front() {
                return update;
            }
            self.link.step(running).await;
        }
    }

    /// Like [`Source::take`](super::Source::take).
    pub fn take(&mut self) -> Option<Update> {
        if let (Some(opened), Some(running)) = (&mut self.link.opened, &self.running) {
            let queue = opened.queue.get();
            let end = self
                .end
                .get_or_insert_with(|| queue.levels().map_or(0, |levels| levels.position()));
            // New events keep arriving; those after the start of the drain are not awaited.
            let reader = &mut opened.reader;
            if self.link.updates.is_empty() && reader.position() < *end {
                let count = queue.read(&mut reader.buffer).unwrap_or(0);
                let (updates, _) = reader.take(count, queue);
                self.link.accept(updates, &running.reporter);
            }
        }
        self.link.updates.pop_front()
    }
}

impl Link {
    /// Waits for updates, carries out an order, or continues to wait for the device.
    async fn step(&mut self, running: &mut Running) {
        let Some(opened) = &mut self.opened else {
            if let Err(retry) = self.open(&running.reporter) {
                self.wait(retry, &mut running.orders).await;
            }
            return;
        };
        let read = tokio::select! {
            read = opened.read() => read,
            Some(order) = running.orders.recv() => {
                carry_out(order, opened.queue.get().device());
                return;
            }
        };
        let looked = match read {
            Ok(count) => {
                let (updates, looked) = opened.reader.take(count, opened.queue.get());
                self.accept(updates, &running.reporter);
                looked
            }
            Err(error) => Err(error),
        };
        match looked {
            Ok(()) => {}
            Err(Error::Read(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                warn!("closing {}: {}", self.config.path.display(), words(&error));
                self.opened = None;
            }
        }
    }

    /// Opens the device; on failure logs the reason, and returns the retry interval if there is one.
    fn open(&mut self, reporter: &Reporter) -> Result<(), Option<Duration>> {
        let path = &self.config.path;
        // Before the attempt, so that no change is missed.
        self.watch.get_or_insert_with(|| Watch::of_file(path));
        let (opened, updates) = start(&self.config).map_err(|error| {
            let reason = reason(path, &error);
            if reporter.set(Condition::Waiting(reason.clone())) {
                warn!("waiting for the device: {reason}");
            }
            (!is_of_the_file(&error)).then_some(RETRY)
        })?;
        let lines = updates.iter().find_map(|update| update.lines.as_ref());
        let lines = lines.map_or(0, Vec::len);
        info!("opened {} with {lines} lines", path.display());
        reporter.set(Condition::Working);
        reporter.add("opened", 1);
        self.watch = None;
        self.opened = Some(opened);
        self.accept(updates, reporter);
        Ok(())
    }

    /// Waits for a change of the file, and rejects orders meanwhile.
    async fn wait(&mut self, retry: Option<Duration>, orders: &mut mpsc::Receiver<Order>) {
        let path = &self.config.path;
        let watch = self.watch.get_or_insert_with(|| Watch::of_file(path));
        let again = async {
            match retry {
                Some(retry) => time::sleep(retry).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(again);
        loop {
            tokio::select! {
                () = watch.changed() => return,
                () = &mut again => return,
                Some(order) = orders.recv() => refuse(order, path),
            }
        }
    }

    fn accept(&mut self, updates: Vec<Update>, reporter: &Reporter) {
        for update in updates {
            let lost = update
                .readings
                .iter()
                .map(|reading| u64::from(reading.lost));
            reporter.add("events", update.readings.len() as u64);
            reporter.add("lost", lost.sum());
            self.updates.push_back(update);
        }
    }
}

/// Whether a change of the file can end the failure.
fn is_of_the_file(error: &Error) -> bool {
    match error {
        Error::NotFound { .. } => true,
        Error::Open { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
        _ => false,
    }
}

/// Opens the device, registers it with the reactor, and reads the lines.
fn start(config: &Config) -> Result<(Opened, Vec<Update>), Error> {
    let queue = open::open(&config.path, config.queue)?.into_async()?;
    let mut reader = Reader::new();
    let (updates, looked) = reader.take(0, queue.get());
    looked?;
    Ok((Opened { queue, reader }, updates))
}

fn carry_out(order: Order, device: &Device) {
    let outcome = match order.action {
        Action::Trigger => device.trigger(),
        Action::StartTimer { period_ms } => device.start(period_ms),
        Action::StopTimer => device.stop(),
        Action::Output(_) => {
            let _ = order.reply.send(Err(Refused::NoDriver));
            return;
        }
    };
    // The sender of the order may be gone.
    let _ = order
        .reply
        .send(outcome.map_err(|error| Refused::Failed(words(&error))));
}

fn refuse(order: Order, path: &Path) {
    let reason = format!("{} is missing at the moment", path.display());
    let _ = order.reply.send(Err(Refused::Failed(reason)));
}
