// SPDX-License-Identifier: MIT OR Apache-2.0
//! Restarts, damage, and what clients get after them.

mod bookmark;
mod damage;
mod format;
mod model;
mod restart;

use std::{fs, path::Path, path::PathBuf};

use tempfile::TempDir;

use crate::{
    event::{Event, Kind, Reading, Source},
    identity::{Identity, SessionId},
    journal::{Config, Cursor, Delivery, Gap, Journal, Start, Sync, Update, Writer},
    status::Status,
};

/// A folder with segments, and a journal that uses it.
struct Board {
    folder: TempDir,
    boot: u32,
    config: Config,
    journal: Journal,
    writer: Writer,
    status: Status,
}

/// How an agent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// By SIGTERM.
    Clean,
    /// By SIGKILL.
    Killed,
}

impl Board {
    fn new(memory: usize, size: u64) -> Self {
        let config = Config {
            memory,
            size,
            sync: Sync::Never,
            path: None,
        };
        Self::open(tempfile::tempdir().unwrap(), 1, config)
    }

    fn open(folder: TempDir, boot: u32, mut config: Config) -> Self {
        config.path = Some(folder.path().join("journal"));
        let status = Status::default();
        let (journal, writer) = Journal::open(identity(boot), &config, &status).unwrap();
        Self {
            folder,
            boot,
            config,
            journal,
            writer,
            status,
        }
    }

    /// Appends one event for each loss count. Each event has a different value.
    async fn append(&mut self, lost: impl IntoIterator<Item = u32>) {
        let readings = lost.into_iter().map(reading).collect();
        let lines = None;
        self.writer.append(Update { readings, lines }).await;
    }

    /// Ends the agent, applies `change` to its files, and starts another agent, in another boot if `reboot`.
    async fn restart(self, ending: Ending, reboot: bool, change: impl FnOnce(&Path)) -> Self {
        let left = match ending {
            Ending::Clean => {
                self.writer.close().await;
                self.folder
            }
            Ending::Killed => {
                // Written data is in the kernel, and the agent does nothing more.
                let copy = tempfile::tempdir().unwrap();
                for file in segments(&self.path())
                    .into_iter()
                    .chain(cursors(&self.path()))
                {
                    let to = copy
                        .path()
                        .join(file.strip_prefix(self.folder.path()).unwrap());
                    fs::create_dir_all(to.parent().unwrap()).unwrap();
                    fs::copy(&file, to).unwrap();
                }
                copy
            }
        };
        drop(self.journal);
        change(&left.path().join("journal"));
        Self::open(left, self.boot + u32::from(reboot), self.config)
    }

    fn session(&self) -> SessionId {
        self.journal.era().session
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn resume(&self, session: SessionId, event: u64) -> Cursor {
        self.journal.cursor(Start::After(session, event))
    }
}

fn identity(boot: u32) -> Identity {
    Identity {
        machine: "board".into(),
        boot: format!("boot-{boot}"),
    }
}

fn reading(lost: u32) -> Reading {
    use std::sync::atomic::{AtomicU32, Ordering};
    static VALUE: AtomicU32 = AtomicU32::new(0);
    Reading {
        timestamp_ns: 7,
        source: Source::TIMER,
        kind: Kind::TICK,
        line: 0,
        value: VALUE.fetch_add(1, Ordering::Relaxed),
        lost,
    }
}

/// The segments, by name.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "segment")
        })
        .collect();
    files.sort();
    files
}

/// The files of named cursors.
fn cursors(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("cursors")).into_iter().flatten();
    files.map(|entry| entry.unwrap().path()).collect()
}

/// An item that a client received.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Event(Event),
    Gap(Gap),
    Era(SessionId, String),
}

/// Reads a cursor up to the event `last`.
async fn read_to(cursor: &mut Cursor, last: u64) -> Vec<Got> {
    let mut got = Vec::new();
    while cursor.position() <= last {
        match cursor.next().await.unwrap() {
            Delivery::Events(batch) => {
                assert_eq!(batch.lines().count(), batch.events().count());
                got.extend(batch.events().cloned().map(Got::Event));
            }
            Delivery::Gap(gap) => got.push(Got::Gap(gap)),
            Delivery::Era(era) => got.push(Got::Era(era.session, era.boot.to_string())),
        }
    }
    got
}

/// The numbers of the events.
fn numbers(got: &[Got]) -> Vec<u64> {
    got.iter()
        .filter_map(|got| match got {
            Got::Event(event) => Some(event.sequence),
            _ => None,
        })
        .collect()
}

/// The gaps.
fn gaps(got: &[Got]) -> Vec<Gap> {
    got.iter()
        .filter_map(|got| match got {
            Got::Gap(gap) => Some(*gap),
            _ => None,
        })
        .collect()
}

/// The reported sessions and boots.
fn eras(got: &[Got]) -> Vec<(SessionId, &str)> {
    got.iter()
        .filter_map(|got| match got {
            Got::Era(session, boot) => Some((*session, boot.as_str())),
            _ => None,
        })
        .collect()
}
