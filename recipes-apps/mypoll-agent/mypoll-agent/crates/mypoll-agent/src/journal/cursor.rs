// SPDX-License-Identifier: MIT OR Apache-2.0
//! A reader's position in the journal.

use std::{iter, sync::Arc};

use tokio::{
    sync::Semaphore,
    task::{self, JoinHandle},
};

use super::{
    Batch, Era, Journal, Start,
    chunk::Chunk,
    disk::{Directory, Place},
};

/// How many cursors read from disk at a time, each with a thread; more would not be faster.
static READS: Semaphore = Semaphore::const_new(4);

/// A reader's position in the journal.
pub struct Cursor {
    pub(super) journal: Journal,
    /// The number of the next event to return.
    next: u64,
    /// The source's total of lost events so far, if known.
    lost: Option<u64>,
    /// The era of the last returned event.
    era: Option<Arc<Era>>,
    behind: Behind,
}

/// The state of reading events that are no longer in memory.
#[derive(Default)]
struct Behind {
    /// A pending read.
    reading: Option<JoinHandle<Result<(Chunk, Place), u64>>>,
    /// The result of the last read.
    chunk: Option<Arc<Chunk>>,
    /// There are no events on disk before this one.
    none_before: u64,
    /// The position to continue reading from.
    place: Option<Place>,
}

/// The result of [`Cursor::next`].
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Events that are no longer available.
    Gap(Gap),
    /// The following events belong to another session or boot than those before.
    Era(Arc<Era>),
    /// Events.
    Events(Batch),
}

/// Events that are no longer available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub missed: u64,
    /// How many of them the source had lost, if known.
    pub lost: Option<u64>,
}

/// The result of looking at a cursor's position.
enum Found {
    Delivery(Delivery),
    /// Events that may be on disk.
    OnDisk(Arc<Directory>),
    /// Nothing yet.
    Nothing,
    /// The end of the journal.
    End,
}

impl Cursor {
    pub(super) fn new(journal: Journal, start: Start) -> Self {
        let (next, lost, era) = {
            let state = journal.state();
            match start {
                Start::Now => {
                    let era = Arc::clone(&state.era);
                    (state.ring.next(), Some(state.ring.lost()), Some(era))
                }
                Start::Oldest => (journal.first(&state), None, None),
                Start::After(session, event) => match state.range_of(session) {
                    Some(range) => {
                        let next = event.saturating_add(1).clamp(range.start, range.end);
                        let era = (session == state.era.session).then(|| Arc::clone(&state.era));
                        (next, None, era)
                    }
                    // The number of missing events is unknown.
                    None => (journal.first(&state), None, None),
                },
            }
        };
        Self {
            journal,
            next,
            lost,
            era,
            behind: Behind::default(),
        }
    }

    /// A copy at the same position.
    pub fn again(&self) -> Self {
        Self {
            journal: self.journal.clone(),
            next: self.next,
            lost: self.lost,
            era: self.era.clone(),
            behind: Behind::default(),
        }
    }

    /// The number of the next event to return, or of the first missing one.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Waits for the next events; `None` after the last event of a closed journal. Dropping the future loses no events.
    pub async fn next(&mut self) -> Option<Delivery> {
        let journal = self.journal.clone();
        loop {
            // Register first, so that an append in between wakes it.
            let appended = journal.0.appended.notified();
            match self.find() {
                Found::Delivery(delivery) => return Some(delivery),
                Found::OnDisk(directory) => self.behind.read(directory, self.next).await,
                Found::Nothing => appended.await,
                Found::End => return None,
            }
        }
    }

    /// Looks at the position without waiting.
    fn find(&mut self) -> Found {
        let state = self.journal.state();
        let ring = &state.ring;
        let in_memory = self.next >= ring.first();
        if in_memory {
            self.behind = Behind::default();
        }
        let batch = match self.behind.chunk_after(self.next) {
            _ if in_memory => Batch::new(ring.from(self.next), self.next),
            Some(chunk) if chunk.first() <= self.next => Batch::new(iter::once(chunk), self.next),
            Some(chunk) => {
                let (first, lost) = (chunk.first(), chunk.lost_before);
                drop(state);
                return self.gap(first, lost);
            }
            None => None,
        };
        let Some(batch) = batch else {
            return match &self.journal.0.directory {
                _ if in_memory && state.closed => Found::End,
                _ if in_memory => Found::Nothing,
                Some(directory) if self.behind.none_before < ring.first() => {
                    Found::OnDisk(Arc::clone(directory))
                }
                _ => {
                    let (first, lost) = (ring.first(), ring.lost_before());
                    drop(state);
                    self.gap(first, lost)
                }
            };
        };
        drop(state);
        if self.era.as_ref() != Some(batch.era()) {
            self.era = Some(Arc::clone(batch.era()));
            return Found::Delivery(Delivery::Era(Arc::clone(batch.era())));
        }
        self.next = batch.next();
        self.lost = Some(batch.lost_after());
        Found::Delivery(Delivery::Events(batch))
    }

    /// Skips missing events before the event `first`; the source's total of lost events is then `lost`.
    fn gap(&mut self, first: u64, lost: u64) -> Found {
        let gap = Gap {
            missed: first - self.next,
            lost: self.lost.map(|before| lost.saturating_sub(before)),
        };
        (self.next, self.lost) = (first, Some(lost));
        Found::Delivery(Delivery::Gap(gap))
    }
}

impl Behind {
    /// The chunk from disk, unless all of it is before the event `next`.
    fn chunk_after(&self, next: u64) -> Option<&Arc<Chunk>> {
        self.chunk.as_ref().filter(|chunk| chunk.next() > next)
    }

    /// Continues reading at `next`. If the future is dropped, the next call resumes the read.
    async fn read(&mut self, directory: Arc<Directory>, next: u64) {
        let place = self.place;
        let reading = match &mut self.reading {
            Some(reading) => reading,
            none => {
                let permit = READS.acquire().await;
                none.insert(task::spawn_blocking(move || {
                    let _permit = permit;
                    directory.read(next, place)
                }))
            }
        };
        let read = reading.await;
        self.reading = None;
        match read {
            Ok(Ok((chunk, place))) => {
                self.chunk = Some(Arc::new(chunk));
                self.place = Some(place);
            }
            Ok(Err(none_before)) => self.none_before = none_before,
            // The runtime is shutting down.
            Err(_) => self.none_before = u64::MAX,
        }
    }
}
