// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log, on stderr. A thread writes it, so that an unread log never blocks the agent, not even at exit.

mod subscriber;

use std::{
    env,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use mypoll_agent::section;
use subscriber::Lines;
use tracing::level_filters::LevelFilter;

pub use subscriber::Level;

/// The environment variable that overrides `log.level`.
const LEVEL_VARIABLE: &str = "MYPOLL_AGENT_LOG";

/// Maximum number of queued lines. Further lines are dropped and counted.
const QUEUE: usize = 1024;

/// Time limit for writing queued lines at exit.
const END: Duration = Duration::from_secs(1);

/// Waits, when dropped, until queued lines are written, for a limited time.
pub struct Guard(Queue);

/// The queue to the thread.
#[derive(Clone)]
struct Queue {
    sender: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

enum Entry {
    Line(String),
    /// Dropped once everything before it was written.
    End(#[expect(dead_code, reason = "only dropped")] mpsc::Sender<()>),
}

/// Starts the log.
pub fn start(level: LevelFilter) -> Result<(Guard, Level)> {
    let (sender, receiver) = mpsc::sync_channel(QUEUE);
    let queue = Queue {
        sender,
        dropped: Arc::default(),
    };
    let dropped = Arc::clone(&queue.dropped);
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write(&receiver, &dropped, io::stderr()))
        .context("cannot start the thread of the log")?;
    let level = Level::new(effective(level)?);
    let writer = queue.clone();
    let lines = Lines::new(level.clone(), move |line| writer.add(line));
    tracing::subscriber::set_global_default(lines).context("cannot start the log")?;
    Ok((Guard(queue), level))
}

/// Writes queued lines, and the number of dropped ones.
fn write(queue: &Receiver<Entry>, dropped: &AtomicU64, mut output: impl Write) {
    for entry in queue {
        // A line that can't be written is lost: there is nowhere else to report it.
        if let Entry::Line(line) = entry {
            let _ = output.write_all(line.as_bytes());
        }
        match dropped.swap(0, Relaxed) {
            0 => {}
            count => {
                let _ = writeln!(output, "{count} log lines were dropped here");
            }
        }
    }
}

impl Queue {
    fn add(&self, line: String) {
        if self.sender.try_send(Entry::Line(line)).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (written, end) = mpsc::channel();
        match self.0.sender.try_send(Entry::End(written)) {
            // The queue is full: nobody reads the log.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            Ok(()) => match end.recv_timeout(END) {
                Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            },
        }
    }
}

impl Level {
    /// Logs from `level` on, unless the environment variable overrides it.
    pub fn set(&self, level: LevelFilter) -> Result<()> {
        self.change(effective(level)?);
        Ok(())
    }
}

fn effective(configured: LevelFilter) -> Result<LevelFilter> {
    match env::var(LEVEL_VARIABLE) {
        Err(env::VarError::NotPresent) => Ok(configured),
        Err(error) => Err(error).context(LEVEL_VARIABLE),
        Ok(level) if level.is_empty() => Ok(configured),
        Ok(level) => section::level_from(&level).with_context(|| {
            format!("{LEVEL_VARIABLE}={level}: expected off, error, warn, info, debug or trace")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_a_full_queue_drops_are_counted() {
        let (sender, receiver) = mpsc::sync_channel(2);
        let queue = Queue {
            sender,
            dropped: Arc::default(),
        };
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            queue.add(line.to_owned());
        }
        let dropped = Arc::clone(&queue.dropped);
        drop(queue);
        let mut output = Vec::new();
        write(&receiver, &dropped, &mut output);
        let text = String::from_utf8(output).unwrap();
        assert_eq!(text, "one\n2 log lines were dropped here\ntwo\n");
    }
}
