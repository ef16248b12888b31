// SPDX-License-Identifier: MIT OR Apache-2.0
//! Appends to the segments, on its own thread.
//!
//! While the disk is full or fails, events are in memory only. They then belong to a new session, so that they cannot be
//! mistaken for events of the session on disk, which continues from its end there if the agent is killed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    mem,
    os::unix::fs::OpenOptionsExt as _,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, fallocate},
};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::{
    Directory, Recovered,
    format::{self, Header},
    index::Segment,
    syncer::Syncer,
};
use crate::{
    identity::SessionId,
    journal::{
        Era,
        config::{Config, Sync},
    },
    status::{Condition, Reporter},
};

/// Encoded events, and the state after them.
pub(super) struct Job {
    pub(super) records: Vec<u8>,
    /// The number of the next event.
    pub(super) next: u64,
    /// The source's total of lost events after them.
    pub(super) lost: u64,
    /// Receives their era.
    pub(super) done: oneshot::Sender<Arc<Era>>,
}

/// A message to the thread.
pub(super) enum Message {
    Write(Job),
    SyncFailed(io::Error),
    End(oneshot::Sender<()>),
}

enum Syncing {
    Inline,
    Later(Syncer),
    Never,
}

/// The state of a failed disk.
struct Trouble {
    /// The first event that is not on disk.
    first: u64,
    /// When to retry.
    retry: Instant,
}

/// The state of the thread.
pub(super) struct Thread {
    directory: Arc<Directory>,
    /// The last segment, if it has this era.
    file: Option<Arc<File>>,
    length: u64,
    /// The header of a segment created now.
    next: Header,
    /// Its number.
    ordinal: u64,
    limit: u64,
    sync: Syncing,
    trouble: Option<Trouble>,
    /// When writing last failed, and the pause after that.
    failed: Option<(Instant, Duration)>,
    reporter: Reporter,
}

impl Thread {
    /// Minimum and maximum size of a segment; in between, a sixteenth of the total.
    const SEGMENT: (u64, u64) = (64 << 10, 8 << 20);

    /// First and longest pause before a failed write is retried.
    const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

    /// Opens the journal for writing. `sender` reaches [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// The thread can't be started. An unwritable disk is not an error: writing is retried.
    pub(super) fn new(
        recovered: Recovered,
        config: &Config,
        reporter: Reporter,
        sender: &mpsc::Sender<Message>,
    ) -> io::Result<Self> {
        let sync = match config.sync {
            Sync::First => Syncing::Inline,
            Sync::Never => Syncing::Never,
            Sync::Within(within) => {
                let sender = sender.clone();
                let failed = move |error| {
                    // The thread may have exited.
                    let _ = sender.send(Message::SyncFailed(error));
                };
                let path = recovered.directory.path.clone();
                Syncing::Later(Syncer::start(path, within, failed)?)
            }
        };
        let mut thread = Self {
            file: None,
            length: 0,
            next: recovered.next,
            ordinal: recovered.ordinal,
            limit: config.size,
            sync,
            trouble: None,
            failed: None,
            reporter,
            directory: recovered.directory,
        };
        let begun = thread.begin(recovered.append);
        if let Err(error) = begun.and_then(|()| thread.sync_start()) {
            thread.fail(&error);
        }
        Ok(thread)
    }

    /// The era of the next event.
    pub(super) fn era(&self) -> &Arc<Era> {
        &self.next.era
    }

    /// Handles messages until the end.
    pub(super) fn run(mut self, messages: &mpsc::Receiver<Message>) {
        loop {
            let message = match &self.trouble {
                None => messages
                    .recv()
                    .map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                Some(trouble) => {
                    messages.recv_timeout(trouble.retry.saturating_duration_since(Instant::now()))
                }
            };
            match message {
                Ok(Message::Write(job)) => {
                    self.take(&job);
                    // The journal's writer may be gone.
                    let _ = job.done.send(Arc::clone(&self.next.era));
                    self.next.first = job.next;
                    self.next.lost = job.lost;
                }
                Ok(Message::SyncFailed(error)) if self.trouble.is_none() => self.fail(&error),
                Ok(Message::SyncFailed(_)) => {}
                Err(mpsc::RecvTimeoutError::Timeout) => self.retry(),
                Ok(Message::End(done)) => {
                    self.end();
                    // As above.
                    let _ = done.send(());
                    return;
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Writes events, or finds that writing fails.
    fn take(&mut self, job: &Job) {
        if self
            .trouble
            .as_ref()
            .is_some_and(|trouble| trouble.retry <= Instant::now())
        {
            self.retry();
        }
        if self.trouble.is_none() {
            if let Err(error) = self.write(&job.records) {
                self.fail(&error);
            }
        }
        self.directory.index().next = job.next;
    }

    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        // A removed file would still accept them.
        self.directory.check()?;
        let segment = (self.limit / 16).clamp(Self::SEGMENT.0, Self::SEGMENT.1);
        let more = records.len() as u64;
        let full = self.length + more > segment && self.length > Header::LENGTH as u64;
        if full || self.file.is_none() {
            self.begin(false)?;
        }
        self.make_room(more);
        let Some(file) = &self.file else {
            return Ok(());
        };
        (&**file).write_all(records)?;
        self.length += more;
        match &self.sync {
            Syncing::Inline => file.sync_data()?,
            Syncing::Later(syncer) => syncer.written(file, false),
            Syncing::Never => {}
        }
        if let Some(last) = self.directory.index().last_mut() {
            last.length = self.length;
        }
        Ok(())
    }

    /// Reopens the last segment, or creates a new one.
    fn begin(&mut self, append: bool) -> io::Result<()> {
        let last = self
            .directory
            .index()
            .last_mut()
            .map(|last| (last.ordinal, last.length));
        if let Some((ordinal, length)) = last.filter(|_| append) {
            let path = self.directory.segment(ordinal);
            self.file = Some(Arc::new(OpenOptions::new().append(true).open(path)?));
            self.length = length;
            return Ok(());
        }
        if self.trouble.is_some() {
            self.directory.take_again()?;
        }
        self.make_room(Header::LENGTH as u64);
        let ordinal = self.ordinal;
        let path = self.directory.segment(ordinal);
        let mut file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o640)
            .open(&path)?;
        self.ordinal += 1;
        let begun = file.write_all(&self.next.encode()).and_then(|()| {
            if self.trouble.is_some() {
                has_room(&file)?;
            }
            if let Syncing::Inline = self.sync {
                file.sync_data()?;
                super::sync_folder(&self.directory.path)?;
            }
            Ok(())
        });
        if let Err(error) = begun {
            // An empty file is skipped at the next start.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        let file = Arc::new(file);
        if let Syncing::Later(syncer) = &self.sync {
            syncer.written(&file, true);
        }
        self.file = Some(file);
        self.length = Header::LENGTH as u64;
        self.directory.index().push(Segment {
            ordinal,
            header: self.next.clone(),
            end: u64::MAX,
            length: self.length,
            reported: false,
        });
        Ok(())
    }

    /// Makes the session durable before readers see it.
    fn sync_start(&self) -> io::Result<()> {
        if let Some(file) = &self.file {
            file.sync_data()?;
        }
        super::sync_folder(&self.directory.path)
    }

    /// Deletes the oldest segments to make room for `more` bytes.
    fn make_room(&self, more: u64) {
        loop {
            let oldest = self.directory.index().pop_beyond(self.limit, more);
            let Some(oldest) = oldest else {
                break;
            };
            let path = self.directory.segment(oldest.ordinal);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    warn!("journal: cannot delete {}: {error}", path.display());
                }
                _ => {}
            }
        }
    }

    /// Continues in memory, in a new session.
    fn fail(&mut self, error: &io::Error) {
        if let Some(file) = self.file.take() {
            // Partially written events would belong to the old session; if truncation fails, the index still ends before them.
            let _ = file.set_len(self.length);
        }
        self.directory.index().close(self.next.first);
        self.next.era = Arc::new(Era {
            session: SessionId::random(),
            boot: Arc::clone(&self.next.era.boot),
        });
        self.next.session_first = self.next.first;
        self.report(error);
        let retry = self.back_off();
        self.trouble = Some(Trouble {
            first: self.next.first,
            retry,
        });
    }

    fn report(&self, error: &io::Error) {
        let path = self.directory.path.display();
        let reason = format!("cannot write {path}: {error}");
        if self.reporter.set(Condition::Waiting(reason.clone())) {
            error!("journal: {reason}: events are in memory only until it can be written again");
        }
    }

    /// When to retry: later each time; starts over after a long time without failures.
    fn back_off(&mut self) -> Instant {
        let now = Instant::now();
        let wait = match self.failed {
            Some((at, wait)) if now < at + wait + Self::RETRY.1 => (wait * 2).min(Self::RETRY.1),
            _ => Self::RETRY.0,
        };
        self.failed = Some((now, wait));
        now + wait
    }

    fn retry(&mut self) {
        let Some(first) = self.trouble.as_ref().map(|trouble| trouble.first) else {
            return;
        };
        if let Err(error) = self.begin(false) {
            self.report(&error);
            let retry = self.back_off();
            self.trouble = Some(Trouble { first, retry });
            return;
        }
        let missing = self.next.first - first;
        info!(
            "journal: writing {} again; {missing} events are not in it",
            self.directory.path.display()
        );
        self.trouble = None;
        self.reporter.set(Condition::Working);
    }

    fn end(mut self) {
        let mut record = Vec::new();
        format::encode_end(&mut record);
        if let Some(file) = self.file.take() {
            // If this fails, the next boot starts a new session.
            let ended = (&*file).write_all(&record);
            match mem::replace(&mut self.sync, Syncing::Never) {
                Syncing::Inline => {
                    let _ = ended.and_then(|()| file.sync_data());
                }
                Syncing::Later(syncer) => {
                    syncer.written(&file, false);
                    syncer.end();
                }
                Syncing::Never => {}
            }
        }
    }
}

/// Checks that there is room for some events, if the file system reports it.
fn has_room(file: &File) -> io::Result<()> {
    let flags = FallocateFlags::FALLOC_FL_KEEP_SIZE;
    match fallocate(file, flags, 0, 64 << 10) {
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
