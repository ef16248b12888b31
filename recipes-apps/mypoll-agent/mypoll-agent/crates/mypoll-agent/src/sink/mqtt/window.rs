// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that the broker has not acknowledged, in the order in which they were sent.

use std::{collections::VecDeque, sync::Arc};

use crate::identity::SessionId;

/// What a message was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The event with this number of this session.
    Event(SessionId, u64),
    /// A gap.
    Gap,
    /// A rule's message.
    Rule,
    /// What a topic retains.
    Retained(Arc<str>),
}

#[derive(Debug)]
struct Entry {
    /// 0 where nothing is to be acknowledged.
    id: u16,
    sent: Sent,
    acknowledged: bool,
}

/// The messages on their way.
#[derive(Debug)]
pub(super) struct Window {
    entries: VecDeque<Entry>,
    last_id: u16,
    size: usize,
}

impl Window {
    /// For at most `size` messages, at least one.
    pub(super) fn new(size: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            last_id: 0,
            size: size.max(1),
        }
    }

    /// How many are on their way.
    pub(super) fn len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.id != 0).count()
    }

    /// Whether none is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether another one may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.entries.len() < self.size
    }

    /// Takes a message that is sent; the result is its identifier.
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

    /// Takes back the message that was taken last.
    pub(super) fn take_back(&mut self) {
        self.entries.pop_back();
    }

    /// Takes an event that is not to be sent. It is done when those before it are; the result is whether that is so now.
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

    /// The broker has the message with this identifier. The result is what is done now, in order.
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

    /// What is sent with this identifier.
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
    fn what_is_done_is_told_in_order() {
        let mut window = Window::new(3);
        let ids: Vec<_> = (1..=3).map(|number| window.send(event(number))).collect();
        assert!(!window.has_room());
        assert_eq!(window.acknowledge(ids[1]), []);
        assert_eq!(window.acknowledge(ids[0]), [event(1), event(2)]);
        assert!(window.has_room());
        // Neither what was acknowledged already, nor what was never sent.
        for id in [ids[0], 0, 9] {
            assert_eq!(window.acknowledge(id), []);
        }
        assert_eq!(window.acknowledge(ids[2]), [event(3)]);
        assert!(window.is_empty());
    }

    #[test]
    fn what_is_not_sent_is_done_with_what_was_before_it() {
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
    fn identifiers_are_used_again_but_not_of_messages_on_their_way() {
        let mut window = Window::new(8);
        let stuck = window.send(Sent::Gap);
        for number in 0..70_000 {
            let id = window.send(event(number));
            assert!(id != 0 && id != stuck);
            window.acknowledge(id);
            // Behind the first all wait.
            window.entries.truncate(1);
        }
    }
}
