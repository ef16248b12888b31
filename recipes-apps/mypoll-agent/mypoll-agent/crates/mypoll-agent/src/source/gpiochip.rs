// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of GPIO chips, through their character devices, for boards without the driver.

mod config;
mod requested;
mod worker;

use std::{collections::BTreeMap, os::fd::OwnedFd, path::Path, thread, time::Duration};

use anyhow::{Result, bail};
use nix::{fcntl::OFlag, unistd::pipe2};
use tokio::{
    sync::mpsc::{self, Receiver},
    task, time,
};
use tracing::{error, warn};

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

/// Pause before the thread is restarted.
const RETRY: Duration = Duration::from_secs(2);

/// Time limit for describing the chips before lines are requested.
const LOOK: Duration = Duration::from_secs(2);

/// Maximum number of updates that wait for the journal. Further edges wait in the kernel, which counts dropped ones.
const QUEUE: usize = 4;

/// Reads GPIO lines on a separate thread. Waits for missing chips.
pub struct Gpiochip {
    config: Config,
    context: Context,
    /// Starts with the first `next`: before that, another source may use the lines.
    running: Option<Running>,
}

/// On drop, the thread exits as soon as no chip blocks it.
struct Running {
    updates: Receiver<Update>,
    /// Closing it makes the thread read the remaining events and exit.
    stop: Option<OwnedFd>,
}

impl Gpiochip {
    /// For the configured lines, which are requested by `next`.
    ///
    /// # Errors
    ///
    /// A label or a name matches several chips or lines, or two entries are the same line. Missing lines and chips that do
    /// not answer are not errors.
    pub async fn open(config: &Config, context: &Context) -> Result<Self> {
        let entries = config.lines.clone();
        let looked = task::spawn_blocking(move || check(&entries, &Chips::now(look)));
        match time::timeout(LOOK, looked).await {
            Ok(outcome) => outcome??,
            // The thread that requests the lines reports the reason for each.
            Err(_) => warn!("gpiochip: a chip does not answer within {LOOK:?}"),
        }
        Ok(Self {
            config: config.clone(),
            context: context.clone(),
            running: None,
        })
    }

    /// Reports a problem, and pauses before the next attempt.
    async fn wait(&self, reason: &str) {
        error!("gpiochip: {reason}; retrying every {RETRY:?}");
        let reporter = self.context.status.reporter("source");
        reporter.set(Condition::Waiting(reason.to_owned()));
        time::sleep(RETRY).await;
    }

    fn start(&self) -> Result<Running> {
        let (sender, updates) = mpsc::channel(QUEUE);
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
        thread.spawn(move || worker.run())?;
        Ok(Running {
            updates,
            stop: Some(write),
        })
    }

    /// Like [`Source::next`](super::Source::next).
    pub async fn next(&mut self) -> Update {
        loop {
            if let Some(running) = &mut self.running {
                if let Some(update) = running.updates.recv().await {
                    return update;
                }
                self.running = None;
                self.wait("its thread exited").await;
            }
            match self.start() {
                Ok(running) => self.running = Some(running),
                Err(error) => self.wait(&format!("cannot start a thread: {error}")).await,
            }
        }
    }

    /// Like [`Source::take`](super::Source::take).
    pub async fn take(&mut self) -> Option<Update> {
        let running = self.running.as_mut()?;
        running.stop = None;
        // Don't join the thread: a chip may block it forever.
        running.updates.recv().await
    }

    /// A source whose thread is blocked by a chip.
    #[cfg(test)]
    pub(crate) fn hanging(config: Config, context: &Context) -> Self {
        let (sender, updates) = mpsc::channel(QUEUE);
        thread::spawn(move || {
            let _sender = sender;
            loop {
                thread::park();
            }
        });
        Self {
            config,
            context: context.clone(),
            running: Some(Running {
                updates,
                stop: None,
            }),
        }
    }
}

/// Checks that each entry is a different line.
fn check(entries: &[Entry], chips: &Chips) -> Result<()> {
    let mut places = BTreeMap::new();
    for (number, entry) in entries.iter().enumerate() {
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
    Ok(())
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
