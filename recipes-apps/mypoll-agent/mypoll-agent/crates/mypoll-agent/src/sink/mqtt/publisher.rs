// SPDX-License-Identifier: MIT OR Apache-2.0
//! State that outlasts a connection: the broker's progress, and its retained topics.

use std::{collections::BTreeSet, mem, sync::Arc};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    time::{Duration, Instant},
};
use tracing::{debug, warn};

use super::{
    Config, home_assistant::Announcement, orders::Orders, retained::Retained, window::Sent,
};
use crate::{
    command::{Commands, Shown},
    context::Context,
    identity::SessionId,
    journal::{Batch, Bookmark, Cursor, Era, Gap, Journal, Start},
    publish::Publish,
    status::{Counter, Reporter},
};

/// Payload of retained levels and outputs.
const ON: Bytes = Bytes::from_static(b"on");
const OFF: Bytes = Bytes::from_static(b"off");

/// How long a repeated complaint is suppressed.
const QUIET: Duration = Duration::from_secs(60);

/// The sink's counters.
struct Counters {
    published: Counter,
    acknowledged: Counter,
    retransmitted: Counter,
    refused: Counter,
}

/// The state.
pub(super) struct Publisher<'a> {
    pub(super) config: &'a Config,
    pub(super) journal: &'a Journal,
    pub(super) commands: &'a Commands,
    reporter: &'a Reporter,
    counters: Counters,
    bookmark: Bookmark,
    /// The position after the last event that is done, if known: events that the journal drops from here on are missing.
    place: Cursor,
    /// The number of the last event that is done.
    done: u64,
    /// The highest number of an event that was published.
    published: u64,
    pub(super) retained: Retained,
    /// The retained topics of levels and outputs.
    topics: BTreeSet<Arc<str>>,
    pub(super) shown: watch::Receiver<Shown>,
    /// Messages of rules.
    pub(super) messages: mpsc::Receiver<Publish>,
    pub(super) orders: Orders,
    announcement: Option<Announcement>,
    /// The start of each payload, and the era that it belongs to.
    head: Option<(Arc<Era>, String)>,
    /// The last complaint, and its time.
    complaint: Option<(String, Instant)>,
}

impl<'a> Publisher<'a> {
    pub(super) fn new(
        config: &'a Config,
        context: &'a Context,
        reporter: &'a Reporter,
        bookmark: Bookmark,
    ) -> Self {
        let machine = &context.journal.identity().machine;
        let place = context.journal.cursor(bookmark.start());
        // Registers the counters before anything is counted.
        for name in ["connected", "unacknowledged", "waiting"] {
            reporter.count(name, 0);
        }
        Self {
            config,
            journal: &context.journal,
            commands: &context.commands,
            counters: Counters {
                published: reporter.counter("published"),
                acknowledged: reporter.counter("acknowledged"),
                retransmitted: reporter.counter("retransmitted"),
                refused: reporter.counter("refused"),
            },
            reporter,
            bookmark,
            done: place.position() - 1,
            place,
            published: 0,
            retained: Retained::default(),
            topics: BTreeSet::new(),
            shown: context.commands.shown(),
            messages: context.publishers.register(&config.name),
            orders: Orders::default(),
            announcement: config
                .home_assistant
                .as_ref()
                .map(|home_assistant| Announcement::new(home_assistant, config, machine)),
            head: None,
            complaint: None,
        }
    }

    pub(super) fn machine(&self) -> &'a str {
        &self.journal.identity().machine
    }

    /// The client identifier.
    pub(super) fn client_id(&self) -> &'a str {
        self.config.client_id.as_deref().unwrap_or(self.machine())
    }

    /// The topic of the agent's availability.
    pub(super) fn availability(&self) -> Arc<str> {
        self.config.topics.availability.of(self.machine())
    }

    /// The position where a new connection continues.
    pub(super) fn place(&self) -> Cursor {
        self.place.again()
    }

    /// Home Assistant's topic that reports its start.
    pub(super) fn status_topic(&self) -> Option<Arc<str>> {
        self.announcement.as_ref().map(Announcement::status_topic)
    }

    /// Updates the retained levels and outputs. Returns whether the topics of orders have changed.
    pub(super) fn look(&mut self) -> bool {
        let (config, machine) = (self.config, self.machine());
        let lines = self.journal.snapshot().lines;
        let shown = self.shown.borrow_and_update().clone();
        let level = |active| if active { ON } else { OFF };
        let levels = lines
            .iter()
            .filter_map(|line| Some((config.topics.level.of(machine, line), level(line.active?))));
        let outputs = shown.iter().filter_map(|(name, active)| {
            Some((config.topics.output.of(machine, name), level((*active)?)))
        });
        let mut before = mem::take(&mut self.topics);
        for (topic, payload) in levels.chain(outputs) {
            self.retained.set(&topic, payload);
            before.remove(&topic);
            self.topics.insert(topic);
        }
        for topic in before {
            self.retained.clear(&topic);
        }
        if let Some(announcement) = &mut self.announcement {
            if let Some(payload) = announcement.renew(&lines, &shown) {
                self.retained.set(&announcement.topic(), payload);
            }
        }
        let orders = Orders::new(&config.topics, machine, &config.orders, shown.keys());
        let changed = orders != self.orders;
        self.orders = orders;
        changed
    }

    /// The payload of an event of `batch`: its stream line, prefixed with the agent's identity.
    pub(super) fn payload(&mut self, batch: &Batch, line: &[u8]) -> Bytes {
        let era = batch.era();
        if self.head.as_ref().is_none_or(|(of, _)| of != era) {
            let head = format!(
                r#"{{"machine":{},"boot":{},"session":"{}","#,
                json(self.machine()),
                json(&era.boot),
                era.session
            );
            self.head = Some((Arc::clone(era), head));
        }
        let head = self.head.as_ref().map_or("", |(_, head)| head);
        // Without its opening brace and its newline.
        let rest = line.get(1..).unwrap_or_default().trim_ascii_end();
        [head.as_bytes(), rest].concat().into()
    }

    /// The payload for missing events before the event `next`.
    pub(super) fn missed(&self, gap: Gap, next: u64) -> Bytes {
        let lost = gap.lost.map(|lost| format!(r#","lost":{lost}"#));
        format!(
            r#"{{"machine":{},"missed":{}{},"next":{next}}}"#,
            json(self.machine()),
            gap.missed,
            lost.unwrap_or_default()
        )
        .into()
    }

    /// Counts a message that is published.
    pub(super) fn publishes(&mut self, sent: &Sent) {
        self.counters.published.add(1);
        if let Sent::Event(_, event) = sent {
            if *event <= self.published {
                self.counters.retransmitted.add(1);
            }
            self.published = self.published.max(*event);
        }
    }

    /// Counts an acknowledged message; `left` messages before it are still unacknowledged.
    pub(super) fn acknowledged(&mut self, left: usize) {
        self.counters.acknowledged.add(1);
        self.reporter.count("unacknowledged", left as u64);
    }

    /// Records that the broker has acknowledged `sent` and everything before it.
    pub(super) fn is_acknowledged(&mut self, sent: &Sent) {
        match sent {
            Sent::Event(session, event) => self.pass(*session, *event),
            Sent::Retained(topic) => self.retained.acknowledge(topic),
            Sent::Gap | Sent::Rule => {}
        }
    }

    /// Marks an event, and all before it, as done.
    pub(super) fn pass(&mut self, session: SessionId, event: u64) {
        self.bookmark.done(session, event);
        self.done = event;
    }

    /// Updates the count of events that are not done.
    pub(super) fn count(&self) {
        let newest = self.journal.stats().next - 1;
        self.reporter
            .count("waiting", newest.saturating_sub(self.done));
    }

    /// Whether everything unacknowledged survives a restart.
    pub(super) fn is_kept(&self) -> bool {
        self.journal.is_kept_from(self.done + 1)
    }

    /// Logs a rejection, with a rate limit.
    pub(super) fn complain(&mut self, what: String) {
        self.counters.refused.add(1);
        let name = self.config.name();
        let said = self.complaint.as_ref();
        if said.is_some_and(|(said, at)| *said == what && at.elapsed() < QUIET) {
            debug!("{name}: {what}");
        } else {
            warn!("{name}: {what}");
            self.complaint = Some((what, Instant::now()));
        }
    }

    /// Schedules everything unacknowledged to be sent again.
    pub(super) fn disconnected(&mut self) {
        if let place @ Start::After(..) = self.bookmark.start() {
            self.place = self.journal.cursor(place);
        }
        self.retained.renew();
        self.reporter.count("unacknowledged", 0);
        self.count();
    }

    /// Saves the position.
    pub(super) async fn save(self) {
        self.bookmark.save().await;
    }
}

/// A JSON string.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
