// SPDX-License-Identifier: MIT OR Apache-2.0
//! One event to everybody who wants it.

use std::{mem, sync::Arc};

use bytes::Bytes;
use mypoll::{Event, Lines, Record};
use tokio::sync::broadcast::{self, error::RecvError};

/// An event on its way.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The event.
    pub event: Event,
    /// Its line of JSON with the newline, shared by all clients.
    pub json: Bytes,
    /// How many events the driver lost up to here, since the agent started.
    lost: u64,
}

/// Hands each event to every subscriber through a bounded queue.
///
/// A subscriber that falls behind by more than the queue loses the oldest events and is told how many at the place
/// where they are missing ([`Delivery::missed`]); the others don't notice.
pub struct Fanout {
    sender: broadcast::Sender<Notice>,
    lines: Arc<Lines>,
    lost: u64,
}

/// Receives events from the time it was made on.
pub struct Subscription {
    receiver: broadcast::Receiver<Notice>,
    missed: u64,
    /// [`Notice::lost`] as this subscriber knows it.
    lost: u64,
}

/// What a subscriber gets.
#[derive(Debug)]
pub struct Delivery {
    /// What is missing before the event, where the subscriber was too slow.
    pub missed: Option<Missed>,
    /// The event.
    pub notice: Notice,
}

/// An account of events that a subscriber missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// How many there were.
    pub events: u64,
    /// How many events the driver lost before them, as they would have told.
    pub lost: u64,
}

impl Fanout {
    /// A queue of `queue` events for each subscriber, rounded up to a power of two; `lines` labels the events.
    pub fn new(queue: usize, lines: Arc<Lines>) -> Self {
        Self {
            sender: broadcast::Sender::new(queue),
            lines,
            lost: 0,
        }
    }

    /// Receives all events from now on. The queue ends when the fan-out is dropped.
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            receiver: self.sender.subscribe(),
            missed: 0,
            lost: self.lost,
        }
    }

    /// Queues an event for every subscriber.
    pub fn publish(&mut self, event: Event) {
        self.lost += u64::from(event.lost);
        let mut json = serde_json::to_vec(&Record::new(&event, &self.lines))
            .expect("a struct of numbers and strings is JSON");
        json.push(b'\n');
        // It fails when nobody is there, and then nobody misses it.
        let _ = self.sender.send(Notice {
            event,
            json: json.into(),
            lost: self.lost,
        });
    }
}

impl Subscription {
    /// Waits for the next event; `None` when there are no more. Dropping the future loses none.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            match self.receiver.recv().await {
                Ok(notice) => {
                    // What the event itself lost is in its own line.
                    let lost = notice.lost - u64::from(notice.event.lost) - self.lost;
                    self.lost = notice.lost;
                    let missed = match mem::take(&mut self.missed) {
                        0 => None,
                        events => Some(Missed { events, lost }),
                    };
                    return Some(Delivery { missed, notice });
                }
                Err(RecvError::Lagged(events)) => self.missed += events,
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use mypoll::Kind;

    use super::*;

    /// An event before which the driver lost some.
    pub(crate) fn publish(fanout: &mut Fanout, sequence: u32, lost: u32) {
        fanout.publish(Event {
            sequence,
            source: Kind::Tick.source(),
            kind: Kind::Tick,
            line: 0,
            value: 1,
            lost,
            timestamp_ns: 0,
        });
    }

    #[tokio::test]
    async fn what_missed_events_would_have_told_to_be_lost_is_told() {
        let mut fanout = Fanout::new(2, Arc::default());
        // Before its time.
        publish(&mut fanout, 1, 100);
        let mut subscription = fanout.subscribe();
        for (sequence, lost) in [(2, 1), (3, 0), (4, 20), (5, 300), (6, 4000)] {
            publish(&mut fanout, sequence, lost);
        }
        publish(&mut fanout, 7, u32::MAX);
        drop(fanout);

        let first = subscription.next().await.unwrap();
        assert_eq!(first.notice.event.sequence, 6);
        assert_eq!(
            first.missed,
            Some(Missed {
                events: 4,
                lost: 321
            })
        );
        let second = subscription.next().await.unwrap();
        assert_eq!((second.notice.event.sequence, second.missed), (7, None));
        assert!(subscription.next().await.is_none());
    }
}
