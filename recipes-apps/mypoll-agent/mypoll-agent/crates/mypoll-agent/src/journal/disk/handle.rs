// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connects the journal's writer to the thread that writes to disk.

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

/// The thread, as seen by the journal's writer.
pub(in crate::journal) struct Handle(mpsc::Sender<Message>);

impl Handle {
    /// Starts the thread. The era is that of the next event.
    ///
    /// # Errors
    ///
    /// The thread can't be started. An unwritable disk is not an error: writing is retried.
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

    /// Appends events; `lost` is the source's total of lost events before them. The result is their era, once they are
    /// written or writing them failed.
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
        // The thread only exits after `end`.
        let _ = self.0.send(Message::Write(Job {
            records,
            next,
            lost,
            done,
        }));
        receiver
    }

    /// Records a clean shutdown on disk, syncs, and ends the thread.
    pub(in crate::journal) fn end(&self) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        // If the thread has exited already, the receiver notices.
        let _ = self.0.send(Message::End(done));
        receiver
    }
}
