// SPDX-License-Identifier: MIT OR Apache-2.0
//! A reader's place in the journal.

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

/// How many cursors read from disk at a time: each read has a thread. More of them don't make a disk faster.
static READS: Semaphore = Semaphore::const_new(4);

/// A reader's place in the journal.
pub struct Cursor {
    pub(super) journal: Journal,
    /// The number of the next event to give.
    next: u64,
    /// What the source had lost until there, where it is known.
    lost: Option<u64>,
    /// Of the last event that was given.
    era: Option<Arc<Era>>,
    behind: Behind,
}

/// What is known of events that are no longer in memory.
#[derive(Default)]
struct Behind {
    /// They are being read.
    reading: Option<JoinHandle<Result<(Chunk, Place), u64>>>,
    /// They were read.
    chunk: Option<Arc<Chunk>>,
    /// None before this one are on disk.
    none_before: u64,
    /// Where to read on.
    place: Option<Place>,
}

/// What a cursor gives.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Events that can't be given any more.
    Gap(Gap),
    /// The events that follow are of another session or boot than those before.
    Era(Arc<Era>),
    /// Events.
    Events(Batch),
}

/// Events that can't be given any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub missed: u64,
    /// How many the source had lost among them, where that is known.
    pub lost: Option<u64>,
}

/// What a cursor finds at its place.
enum Found {
    Delivery(Delivery),
    /// Events that may be on disk.
    OnDisk(Arc<Directory>),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
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
                    // How much of it is missing can't be told.
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

    /// Another one at the same place.
    pub fn again(&self) -> Self {
        Self {
            journal: self.journal.clone(),
            next: self.next,
            lost: self.lost,
            era: self.era.clone(),
            behind: Behind::default(),
        }
    }

    /// The number of the next event that the cursor gives, or of the first that is missing.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Waits for the next events; `None` behind the last of a journal that was closed. Dropping the future loses none.
    pub async fn next(&mut self) -> Option<Delivery> {
        let journal = self.journal.clone();
        loop {
            // Before looking, so that what is appended in between wakes it.
            let appended = journal.0.appended.notified();
            match self.find() {
                Found::Delivery(delivery) => return Some(delivery),
                Found::OnDisk(directory) => self.behind.read(directory, self.next).await,
                Found::Nothing => appended.await,
                Found::End => return None,
            }
        }
    }

    /// What is there now.
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

    /// Passes over what is missing before the event `first`, until which the source had lost `lost`.
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
    /// What was read, unless all of it is before the event `next`.
    fn chunk_after(&self, next: u64) -> Option<&Arc<Chunk>> {
        self.chunk.as_ref().filter(|chunk| chunk.next() > next)
    }

    /// Reads on from `next`. Dropping the future leaves the read to the next call.
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
            // The runtime ends.
            Err(_) => self.none_before = u64::MAX,
        }
    }
}
