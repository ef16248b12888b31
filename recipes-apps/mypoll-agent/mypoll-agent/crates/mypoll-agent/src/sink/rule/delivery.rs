// SPDX-License-Identifier: MIT OR Apache-2.0
//! Actions that are done at least once, in order: each is tried until it is done, and a place in the journal is kept over
//! a restart. An event that was being delivered when the agent was killed is delivered again.

use std::{future::Future, time::Duration};

use tokio::{task, time};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Occurrence, Rule};
use crate::{
    backoff::Backoff,
    journal::{Batch, Bookmark, Delivery},
    status::Condition,
};

/// The first pause between attempts.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause that a server may ask for.
const LONGEST_WISH: Duration = Duration::from_secs(3600);

/// Carries events somewhere.
pub(super) trait Deliver: Send {
    /// Tries once.
    fn deliver(
        &mut self,
        rule: &Rule,
        occurrence: &Occurrence,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// This event is not taken, now or later.
    Refused(String),
    /// To be tried again, after a time where the other side names one.
    Later {
        reason: String,
        after: Option<Duration>,
    },
}

struct Worker<'a, D> {
    rule: &'a Rule,
    deliver: D,
    backoff: Backoff,
    bookmark: &'a Bookmark,
}

/// Delivers what the rule takes until the journal ends, or it is told to stop.
pub(super) async fn run<D: Deliver>(
    rule: Rule,
    deliver: D,
    longest_pause: Duration,
    stop: CancellationToken,
) {
    let journal = rule.context.journal.clone();
    let name = format!("rule-{}", rule.name);
    let opened = task::spawn_blocking(move || Bookmark::open(&journal, &name)).await;
    let bookmark = match opened {
        Ok(Ok(bookmark)) => bookmark,
        Ok(Err(error)) => {
            warn!(rule = rule.name, "{error:#}");
            rule.reporter.set(Condition::Waiting(format!("{error:#}")));
            return stop.cancelled().await;
        }
        // The runtime ends.
        Err(_) => return,
    };
    if bookmark.is_new() {
        // A new rule does not tell of what happened before it was there. Known before anything is delivered, so that a crash
        // loses nothing.
        bookmark.done(rule.begin.0, rule.begin.1);
        bookmark.save().await;
    }
    let worker = Worker {
        rule: &rule,
        deliver,
        backoff: Backoff::new(FIRST_PAUSE, longest_pause, 0.75..=1.25),
        bookmark: &bookmark,
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = worker.run() => {}
    }
    bookmark.save().await;
}

impl<D: Deliver> Worker<'_, D> {
    async fn run(mut self) {
        let mut cursor = self.rule.context.journal.cursor(self.bookmark.start());
        while let Some(delivery) = cursor.next().await {
            match delivery {
                // A batch names its own.
                Delivery::Era(_) => {}
                Delivery::Gap(gap) => {
                    self.rule.counters.missed.add(gap.missed);
                    warn!(
                        rule = self.rule.name,
                        missed = gap.missed,
                        "the journal no longer has some events, which were not delivered"
                    );
                }
                Delivery::Events(batch) => {
                    if !self.deliver(&batch).await {
                        info!(
                            rule = self.rule.name,
                            "what is not delivered stays in the journal until the next start"
                        );
                        return;
                    }
                }
            }
        }
    }

    /// The result is whether all was done.
    async fn deliver(&mut self, batch: &Batch) -> bool {
        let era = batch.era();
        for event in batch.events().filter(|event| self.rule.when.takes(event)) {
            self.rule.counters.matched.add(1);
            let occurrence = Occurrence {
                event: event.clone(),
                era: era.clone(),
            };
            if !self.until_done(&occurrence).await {
                return false;
            }
            self.bookmark.done(era.session, event.sequence);
        }
        self.bookmark.done(era.session, batch.next() - 1);
        true
    }

    /// Tries until an event is delivered or refused. At the journal's end it tries at once; what then fails is left to the
    /// next start, where there is one that would know it.
    async fn until_done(&mut self, occurrence: &Occurrence) -> bool {
        let Rule {
            name,
            context,
            reporter,
            counters,
            ..
        } = self.rule;
        let event = occurrence.event.sequence;
        let mut ended = false;
        loop {
            let (reason, after) = match self.deliver.deliver(self.rule, occurrence).await {
                Ok(()) => {
                    counters.done.add(1);
                    self.works();
                    return true;
                }
                Err(Failure::Refused(reason)) => {
                    counters.failed.add(1);
                    warn!(rule = name, event, "{reason}; going on without it");
                    self.works();
                    return true;
                }
                Err(Failure::Later { reason, after }) => (reason, after),
            };
            if reporter.set(Condition::Waiting(reason.clone())) {
                warn!(
                    rule = name,
                    event, "{reason}; trying again until it is taken"
                );
            }
            if ended && context.journal.is_kept_from(event) {
                return false;
            }
            let pause = self.backoff.pause();
            let pause = after.map_or(pause, |after| pause.max(after.min(LONGEST_WISH)));
            tokio::select! {
                () = time::sleep(pause) => {}
                () = context.journal.ended(), if !ended => ended = true,
            }
            counters.retried.add(1);
        }
    }

    fn works(&mut self) {
        self.backoff.reset();
        if self.rule.reporter.set(Condition::Working) {
            info!(rule = self.rule.name, "delivers again");
        }
    }
}
