// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the journal's writer reaches the thread that writes to disk.

use std::{
    io,
    sync::{Arc, mpsc},
    thread,
};

use tokio::sync::oneshot;

use super::{
    Recovered, format,
    writer::{Job, Message, Thread},
};
use crate::{
    event::Event,
    journal::{Era, config::Config},
    status::Reporter,
};

/// The thread, for the journal's writer.
pub(in crate::journal) struct Handle(mpsc::Sender<Message>);

impl Handle {
    /// Starts the thread. The era is that of the next event.
    ///
    /// # Errors
    ///
    /// There can't be another thread. A disk that can't be written is none: it is tried again.
    pub(in crate::journal) fn start(
        recovered: Recovered,
        config: &Config,
        reporter: Reporter,
    ) -> io::Result<(Self, Arc<Era>)> {
        let (sender, messages) = mpsc::channel();
        let thread = Thread::new(recovered, config, reporter, &sender)?;
        let era = Arc::clone(thread.era());
        thread::Builder::new()
            .name("journal".into())
            .spawn(move || thread.run(&messages))?;
        Ok((Self(sender), era))
    }

    /// Appends events; `lost` is what the source had lost before them. The result has their era when they are written, or
    /// when they can't be.
    pub(in crate::journal) fn write(
        &self,
        events: &[Event],
        mut lost: u64,
    ) -> oneshot::Receiver<Arc<Era>> {
        let mut records = Vec::with_capacity(events.len() * 80);
        for event in events {
            lost += event.lost();
            format::encode_event(event, lost, &mut records);
        }
        let next = events.last().map_or(0, |event| event.sequence + 1);
        let (done, receiver) = oneshot::channel();
        // It ends after `end` alone.
        let _ = self.0.send(Message::Write(Job {
            records,
            next,
            lost,
            done,
        }));
        receiver
    }

    /// Says on disk that this is a clean end, syncs, and ends the thread.
    pub(in crate::journal) fn end(&self) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        // Where it ended before, the receiver is told.
        let _ = self.0.send(Message::End(done));
        receiver
    }
}
