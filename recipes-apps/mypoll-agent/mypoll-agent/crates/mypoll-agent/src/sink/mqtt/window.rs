// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unacknowledged messages, in the order in which they were sent.

use std::{collections::VecDeque, sync::Arc};

use crate::identity::SessionId;

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The event with this number of this session.
    Event(SessionId, u64),
    /// A gap.
    Gap,
    /// A rule's message.
    Rule,
    /// A retained topic.
    Retained(Arc<str>),
}

#[derive(Debug)]
struct Entry {
    /// 0 if no acknowledgement is needed.
    id: u16,
    sent: Sent,
    acknowledged: bool,
}

/// The messages in flight.
#[derive(Debug)]
pub(super) struct Window {
    entries: VecDeque<Entry>,
    last_id: u16,
    size: usize,
}

impl Window {
    /// Holds at most `size` messages, at least one.
    pub(super) fn new(size: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            last_id: 0,
            size: size.max(1),
        }
    }

    /// The number of messages in flight.
    pub(super) fn len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.id != 0).count()
    }

    /// Whether no message is in flight.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether another message may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.entries.len() < self.size
    }

    /// Adds a sent message; returns its identifier.
    pub(super) fn send(&mut self, sent: Sent) -> u16 {
        let mut id = self.last_id;
        loop {
            id = id.checked_add(1).unwrap_or(1);
            if self.entries.iter().all(|entry| entry.id != id) {
                break;
            }
        }
        self.last_id = id;
        self.entries.push_back(Entry {
            id,
            sent,
            acknowledged: false,
        });
        id
    }

    /// Removes the last added message.
    pub(super) fn take_back(&mut self) {
        self.entries.pop_back();
    }

    /// Adds an event that is not sent. It is done when those before it are; returns whether that is the case now.
    pub(super) fn pass(&mut self, session: SessionId, event: u64) -> bool {
        let passed = Sent::Event(session, event);
        match self.entries.back_mut() {
            None => return true,
            Some(last) if last.id == 0 => last.sent = passed,
            Some(_) => self.entries.push_back(Entry {
                id: 0,
                sent: passed,
                acknowledged: true,
            }),
        }
        false
    }

    /// The broker has acknowledged this identifier. Returns the messages that are done now, in order.
    pub(super) fn acknowledge(&mut self, id: u16) -> Vec<Sent> {
        let sent = self.entries.iter_mut().find(|entry| entry.id == id);
        match sent {
            Some(entry) if id != 0 => entry.acknowledged = true,
            _ => return Vec::new(),
        }
        let mut done = Vec::new();
        while self.entries.front().is_some_and(|entry| entry.acknowledged) {
            done.extend(self.entries.pop_front().map(|entry| entry.sent));
        }
        done
    }

    /// The message in flight with this identifier.
    pub(super) fn get(&self, id: u16) -> Option<&Sent> {
        let entry = self.entries.iter().find(|entry| entry.id == id);
        entry.map(|entry| &entry.sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId([7; 8]);

    fn event(number: u64) -> Sent {
        Sent::Event(SESSION, number)
    }

    #[test]
    fn acknowledgements_are_reported_in_order() {
        let mut window = Window::new(3);
        let ids: Vec<_> = (1..=3).map(|number| window.send(event(number))).collect();
        assert!(!window.has_room());
        assert_eq!(window.acknowledge(ids[1]), []);
        assert_eq!(window.acknowledge(ids[0]), [event(1), event(2)]);
        assert!(window.has_room());
        // Neither acknowledged nor unknown identifiers count.
        for id in [ids[0], 0, 9] {
            assert_eq!(window.acknowledge(id), []);
        }
        assert_eq!(window.acknowledge(ids[2]), [event(3)]);
        assert!(window.is_empty());
    }

    #[test]
    fn skipped_events_are_done_with_the_events_before_them() {
        let mut window = Window::new(8);
        assert!(window.pass(SESSION, 1));
        let id = window.send(event(2));
        assert!(!window.pass(SESSION, 3));
        assert!(!window.pass(SESSION, 4));
        assert_eq!(window.len(), 1);
        assert_eq!(window.acknowledge(id), [event(2), event(4)]);
        assert!(window.is_empty());
    }

    #[test]
    fn identifiers_are_reused_except_those_in_flight() {
        let mut window = Window::new(8);
        let stuck = window.send(Sent::Gap);
        for number in 0..70_000 {
            let id = window.send(event(number));
            assert!(id != 0 && id != stuck);
            window.acknowledge(id);
            // All wait for the first.
            window.entries.truncate(1);
        }
    }
}
