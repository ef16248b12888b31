// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of GPIO chips, by their character devices, for boards without the driver.

mod config;
mod requested;
mod worker;

use std::{
    collections::BTreeMap,
    os::fd::OwnedFd,
    path::Path,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Result, bail};
use nix::{fcntl::OFlag, unistd::pipe2};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time,
};

use crate::{
    context::Context,
    gpio::{Chip, Chips, Missing},
    journal::Update,
    lines::Lines,
    reason::words,
    status::Condition,
};
pub use config::{Bias, Config, Edges, Entry};
use worker::Worker;

/// How long to wait before the thread is started again.
const RETRY: Duration = Duration::from_secs(2);

/// Reads GPIO lines in a thread of its own. Waits for chips that are not there.
pub struct Gpiochip {
    config: Config,
    context: Context,
    /// From the first `next` on: before that another source may have the lines.
    running: Option<Running>,
}

struct Running {
    updates: UnboundedReceiver<Update>,
    /// Closing it ends the thread.
    stop: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Gpiochip {
    /// For the lines that are configured, which are requested by `next`.
    ///
    /// # Errors
    ///
    /// A label or a name is that of several chips or lines, or two entries are the same line. What is not there is no
    /// error.
    pub fn open(config: &Config, context: &Context) -> Result<Self> {
        let chips = Chips::now(look);
        let mut places = BTreeMap::new();
        for (number, entry) in config.lines.iter().enumerate() {
            match chips.find(&entry.line) {
                Ok((chip, offset)) => {
                    if let Some(other) = places.insert((&chip.path, offset), number) {
                        bail!(
                            "lines[{other}] and lines[{number}] are the same, line {offset} of {}",
                            chip.path.display()
                        );
                    }
                }
                Err(Missing::Ambiguous(reason)) => bail!("lines[{number}]: {reason}"),
                Err(Missing::Absent(_) | Missing::Busy(_)) => {}
            }
        }
        Ok(Self {
            config: config.clone(),
            context: context.clone(),
            running: None,
        })
    }

    /// Says what is wrong, and waits before the next try.
    async fn wait(&self, reason: &str) {
        tracing::error!("gpiochip: {reason}; tried again every {RETRY:?}");
        let reporter = self.context.status.reporter("source");
        reporter.set(Condition::Waiting(reason.to_owned()));
        time::sleep(RETRY).await;
    }

    fn start(&self) -> Result<Running> {
        let (sender, updates) = mpsc::unbounded_channel();
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        let worker = Worker {
            entries: self.config.lines.clone(),
            updates: sender,
            reporter: self.context.status.reporter("source"),
            stop: read,
            requests: Vec::new(),
            missing: BTreeMap::new(),
            lines: Lines::default(),
        };
        let thread = thread::Builder::new().name("gpiochip".to_owned());
        let thread = thread.spawn(move || worker.run())?;
        Ok(Running {
            updates,
            stop: Some(write),
            thread: Some(thread),
        })
    }

    /// As [`Source::next`](super::Source::next).
    pub async fn next(&mut self) -> Update {
        loop {
            if let Some(running) = &mut self.running {
                if let Some(update) = running.updates.recv().await {
                    return update;
                }
                self.running = None;
                self.wait("its thread ended").await;
            }
            match self.start() {
                Ok(running) => self.running = Some(running),
                Err(error) => self.wait(&format!("cannot start a thread: {error}")).await,
            }
        }
    }

    /// As [`Source::take`](super::Source::take).
    pub fn take(&mut self) -> Option<Update> {
        let running = self.running.as_mut()?;
        running.end();
        running.updates.try_recv().ok()
    }
}

impl Running {
    /// Ends the thread, after it has read what was there.
    fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // The supervisor has its own way to tell of a panic.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Describes a chip.
fn look(path: &Path) -> Result<Chip, String> {
    let look = || {
        let chip = gpiocdev::Chip::from_path(path)?;
        let info = chip.info()?;
        let names = chip
            .line_info_iter()?
            .map(|info| info.map(|info| info.name));
        Ok(Chip {
            path: path.into(),
            name: info.name,
            label: info.label,
            lines: names.collect::<gpiocdev::Result<_>>()?,
        })
    };
    look().map_err(|error: gpiocdev::Error| words(&error))
}
