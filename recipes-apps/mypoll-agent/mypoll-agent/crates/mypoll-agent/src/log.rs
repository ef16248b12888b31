// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log, on stderr. A thread writes it, so that a log that nobody reads delays nothing, not even the end.

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
use tracing_subscriber::{
    filter::LevelFilter, layer::SubscriberExt as _, registry::Registry, reload,
    util::SubscriberInitExt as _,
};

/// The environment variable that overrides `log.level`.
const LEVEL_VARIABLE: &str = "MYPOLL_AGENT_LOG";

/// How many lines wait for the thread at most. Later ones are dropped, and counted.
const QUEUE: usize = 1024;

/// How long the end waits for what is queued.
const END: Duration = Duration::from_secs(1);

/// Changes what is logged.
pub struct Level(reload::Handle<LevelFilter, Registry>);

/// Waits, when it goes, until what is queued was written, but not for long.
pub struct Guard(Queue);

/// The way to the thread.
#[derive(Clone)]
struct Queue {
    sender: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

enum Entry {
    Line(Vec<u8>),
    /// All before it was written when this is dropped.
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
    let (filter, handle) = reload::Layer::new(effective(level)?);
    let writer = queue.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_target(false)
        // What can't be logged would be reported by eprintln!, and that panics.
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    Ok((Guard(queue), Level(handle)))
}

/// Writes what is queued, and how many lines found no room.
fn write(queue: &Receiver<Entry>, dropped: &AtomicU64, mut output: impl Write) {
    for entry in queue {
        // A line that can't be written is lost: there is nowhere else to say so.
        if let Entry::Line(line) = entry {
            let _ = output.write_all(&line);
        }
        match dropped.swap(0, Relaxed) {
            0 => {}
            count => {
                let _ = writeln!(output, "{count} lines of the log were dropped here");
            }
        }
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.sender.try_send(Entry::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (written, end) = mpsc::channel();
        match self.0.sender.try_send(Entry::End(written)) {
            // A full queue: nobody reads the log.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            Ok(()) => match end.recv_timeout(END) {
                Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            },
        }
    }
}

impl Level {
    /// Logs from `level` on, unless the environment says otherwise.
    pub fn set(&self, level: LevelFilter) -> Result<()> {
        self.0.reload(effective(level)?).context("log.level")
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
    fn lines_that_find_no_room_are_counted() {
        let (sender, receiver) = mpsc::sync_channel(2);
        let mut queue = Queue {
            sender,
            dropped: Arc::default(),
        };
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            queue.write_all(line.as_bytes()).unwrap();
        }
        let dropped = Arc::clone(&queue.dropped);
        drop(queue);
        let mut output = Vec::new();
        write(&receiver, &dropped, &mut output);
        let text = String::from_utf8(output).unwrap();
        assert_eq!(text, "one\n2 lines of the log were dropped here\ntwo\n");
    }
}
