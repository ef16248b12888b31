// SPDX-License-Identifier: MIT OR Apache-2.0
//! Delivery at least once, in order: each action is repeated until it succeeds, and the position in the journal survives a
//! restart. An event that was being delivered when the agent was killed is delivered again.

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

/// The longest pause that a server can request.
const LONGEST_WISH: Duration = Duration::from_secs(3600);

/// Delivers events.
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
    /// The event is rejected permanently.
    Refused(String),
    /// Retry, after the other side's pause if it requests one.
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

/// Delivers matching events until the journal ends, or the rule is stopped.
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
        // The runtime is shutting down.
        Err(_) => return,
    };
    if bookmark.is_new() {
        // A new rule ignores events from before it was created. Its start is saved before any delivery, so that a crash loses
        // nothing.
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
                // A batch has its own era.
                Delivery::Era(_) => {}
                Delivery::Gap(gap) => {
                    self.rule.counters.missed.add(gap.missed);
                    warn!(
                        rule = self.rule.name,
                        missed = gap.missed,
                        "some events were deleted from the journal before delivery"
                    );
                }
                Delivery::Events(batch) => {
                    if !self.deliver(&batch).await {
                        info!(
                            rule = self.rule.name,
                            "undelivered events stay in the journal until the next start"
                        );
                        return;
                    }
                }
            }
        }
    }

    /// Returns whether everything was delivered.
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

    /// Retries until an event is delivered or rejected. At the journal's end it tries once more at once; what fails then is
    /// left to the next start, if the position survives.
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
                    warn!(rule = name, event, "{reason}; skipping it");
                    self.works();
                    return true;
                }
                Err(Failure::Later { reason, after }) => (reason, after),
            };
            if reporter.set(Condition::Waiting(reason.clone())) {
                warn!(rule = name, event, "{reason}; retrying");
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
            info!(rule = self.rule.name, "delivering again");
        }
    }
}
