// SPDX-License-Identifier: MIT OR Apache-2.0
//! One event to everybody who wants it.

use std::sync::Arc;

use bytes::Bytes;
use mypoll::{Event, Lines, Record};
use tokio::sync::broadcast;

/// An event on its way.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The event.
    pub event: Event,
    /// Its line of JSON with the newline, shared by all clients.
    pub json: Bytes,
}

/// Hands each event to every subscriber through a bounded queue.
///
/// A subscriber that falls behind by more than the queue loses the oldest events and is told how many at the place
/// where they are missing ([`RecvError::Lagged`](broadcast::error::RecvError::Lagged)); the others don't notice.
pub struct Fanout {
    sender: broadcast::Sender<Notice>,
    lines: Arc<Lines>,
}

impl Fanout {
    /// A queue of `queue` events for each subscriber, rounded up to a power of two; `lines` labels the events.
    pub fn new(queue: usize, lines: Arc<Lines>) -> Self {
        Self {
            sender: broadcast::Sender::new(queue),
            lines,
        }
    }

    /// Receives all events from now on. The queue ends when the fan-out is dropped.
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.sender.subscribe()
    }

    /// Queues an event for every subscriber.
    pub fn publish(&self, event: Event) {
        let mut json = serde_json::to_vec(&Record::new(&event, &self.lines))
            .expect("a struct of numbers and strings is JSON");
        json.push(b'\n');
        // It fails when nobody is there, and then nobody misses it.
        let _ = self.sender.send(Notice {
            event,
            json: json.into(),
        });
    }
}
