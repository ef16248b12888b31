// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of GPIO chips, by their character devices, for boards without the driver.

mod config;
mod find;
mod requested;
mod worker;

use std::{
    collections::BTreeMap,
    os::fd::OwnedFd,
    thread::{self, JoinHandle},
};

use anyhow::{Result, bail};
use nix::{fcntl::OFlag, unistd::pipe2};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::Source;
use crate::{journal::Update, lines::Lines, sink::Context};
pub use config::{Bias, Config, Edges, Entry, Which};
use find::{Chips, Missing};
use worker::Worker;

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
        let chips = Chips::now();
        let mut places = BTreeMap::new();
        for (number, entry) in config.lines.iter().enumerate() {
            match chips.find(entry) {
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
}

impl Source for Gpiochip {
    async fn next(&mut self) -> Update {
        loop {
            match &mut self.running {
                Some(running) => match running.updates.recv().await {
                    Some(update) => return update,
                    None => std::future::pending().await,
                },
                None => match self.start() {
                    Ok(running) => self.running = Some(running),
                    Err(error) => {
                        tracing::error!("gpiochip: cannot start a thread: {error}");
                        std::future::pending().await
                    }
                },
            }
        }
    }

    fn take(&mut self) -> Option<Update> {
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
