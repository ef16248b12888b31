// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retained topics. Only the newest value counts: values that are replaced before they are sent are skipped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

#[derive(Debug)]
struct Entry {
    wanted: Bytes,
    /// The payload sent over this connection.
    sent: Option<Bytes>,
    /// Whether the acknowledgement is pending.
    on_its_way: bool,
}

/// The wanted content of retained topics, and the state of the broker.
#[derive(Debug, Default)]
pub(super) struct Retained {
    topics: BTreeMap<Arc<str>, Entry>,
    /// Topics with something to send.
    due: BTreeSet<Arc<str>>,
}

impl Retained {
    /// Retains `payload` in `topic`.
    pub(super) fn set(&mut self, topic: &Arc<str>, payload: Bytes) {
        let entry = self.topics.entry(Arc::clone(topic)).or_insert(Entry {
            wanted: Bytes::new(),
            sent: None,
            on_its_way: false,
        });
        entry.wanted = payload;
        if !entry.on_its_way && entry.sent.as_ref() != Some(&entry.wanted) {
            self.due.insert(Arc::clone(topic));
        }
    }

    /// Clears `topic`.
    pub(super) fn clear(&mut self, topic: &Arc<str>) {
        self.set(topic, Bytes::new());
    }

    /// The next message to send; it is then pending.
    pub(super) fn next(&mut self) -> Option<(Arc<str>, Bytes)> {
        let topic = self.due.pop_first()?;
        let entry = self.topics.get_mut(&topic)?;
        entry.sent = Some(entry.wanted.clone());
        entry.on_its_way = true;
        Some((topic, entry.wanted.clone()))
    }

    /// The broker has acknowledged `topic`.
    pub(super) fn acknowledge(&mut self, topic: &Arc<str>) {
        let Some(entry) = self.topics.get_mut(topic) else {
            return;
        };
        entry.on_its_way = false;
        if entry.sent.as_ref() != Some(&entry.wanted) {
            self.due.insert(Arc::clone(topic));
        } else if entry.wanted.is_empty() {
            self.topics.remove(topic);
        }
    }

    /// Sends everything again: the broker may have lost it, or a client asks for it.
    pub(super) fn renew(&mut self) {
        for (topic, entry) in &mut self.topics {
            (entry.sent, entry.on_its_way) = (None, false);
            self.due.insert(Arc::clone(topic));
        }
    }

    /// Whether there is nothing to send.
    pub(super) fn is_done(&self) -> bool {
        self.due.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> Arc<str> {
        name.into()
    }

    #[test]
    fn only_the_newest_is_sent() {
        let mut retained = Retained::default();
        let lamp = topic("lamp");
        retained.set(&lamp, "off".into());
        retained.set(&lamp, "on".into());
        assert_eq!(retained.next(), Some((lamp.clone(), "on".into())));
        // A value that is replaced while another is pending is never sent.
        retained.set(&lamp, "off".into());
        retained.set(&lamp, "on".into());
        assert_eq!(retained.next(), None);
        retained.acknowledge(&lamp);
        assert!(retained.is_done());
        retained.set(&lamp, "on".into());
        assert!(retained.is_done());
        retained.set(&lamp, "off".into());
        assert_eq!(retained.next(), Some((lamp.clone(), "off".into())));
        retained.set(&lamp, "on".into());
        retained.acknowledge(&lamp);
        assert_eq!(retained.next(), Some((lamp, "on".into())));
    }

    #[test]
    fn a_new_connection_gets_every_topic() {
        let mut retained = Retained::default();
        let (lamp, door) = (topic("lamp"), topic("door"));
        retained.set(&lamp, "on".into());
        retained.set(&door, "off".into());
        while retained.next().is_some() {}
        retained.acknowledge(&lamp);
        retained.renew();
        assert_eq!(retained.next(), Some((door, "off".into())));
        assert_eq!(retained.next(), Some((lamp, "on".into())));
        assert_eq!(retained.next(), None);
    }

    #[test]
    fn a_cleared_topic_is_forgotten_once_acknowledged() {
        let mut retained = Retained::default();
        let lamp = topic("lamp");
        retained.set(&lamp, "on".into());
        retained.next();
        retained.clear(&lamp);
        retained.acknowledge(&lamp);
        assert_eq!(retained.next(), Some((lamp.clone(), Bytes::new())));
        retained.acknowledge(&lamp);
        retained.renew();
        assert!(retained.is_done());
    }
}
