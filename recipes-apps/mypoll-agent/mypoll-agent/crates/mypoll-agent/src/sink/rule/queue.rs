// SPDX-License-Identifier: MIT OR Apache-2.0
//! Actions that are tried once: a bounded queue, with a maximum number of parallel actions.

use std::{collections::VecDeque, future::Future, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Occurrence, Rule};
use crate::journal::{Delivery, Start};

/// How long after a warning further ones are only counted.
const QUIET: Duration = Duration::from_secs(1);

/// The limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Maximum number of waiting events.
    pub(super) queue: usize,
    /// Maximum number of parallel actions.
    pub(super) parallel: usize,
}

/// Runs `act` for each matching event, until the journal ends and the queue is empty, or the rule is stopped.
///
/// Cancelling drops running actions.
pub(super) async fn run<A, F>(rule: Rule, bounds: Bounds, act: A, stop: CancellationToken)
where
    A: Fn(&Occurrence, &Rule) -> F,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let mut cursor = rule.context.journal.cursor(Start::Now);
    let mut era = rule.context.journal.era();
    let mut queue = VecDeque::new();
    let mut running = JoinSet::new();
    let mut warnings = Warnings::default();
    let mut ended = false;
    loop {
        while running.len() < bounds.parallel {
            let Some(occurrence) = queue.pop_front() else {
                break;
            };
            running.spawn(act(&occurrence, &rule));
        }
        rule.reporter.count("queued", queue.len() as u64);
        rule.reporter.count("running", running.len() as u64);
        if ended && running.is_empty() {
            return;
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(outcome) = running.join_next() => match outcome {
                Ok(Ok(())) => rule.counters.done.add(1),
                Ok(Err(reason)) => {
                    rule.counters.failed.add(1);
                    warnings.say(&rule.name, &reason);
                }
                // It panicked, which ends the agent, or was aborted on cancellation.
                Err(_) => {}
            },
            delivery = cursor.next(), if !ended => match delivery {
                Some(Delivery::Era(new)) => era = new,
                Some(Delivery::Gap(gap)) => {
                    rule.counters.missed.add(gap.missed);
                    warnings.say(&rule.name, "too slow, missed some events");
                }
                Some(Delivery::Events(batch)) => {
                    for event in batch.events().filter(|event| rule.when.takes(event)) {
                        rule.counters.matched.add(1);
                        if queue.len() == bounds.queue {
                            rule.counters.dropped.add(1);
                            warnings.say(&rule.name, "too many events are waiting for this rule, dropped one");
                        } else {
                            queue.push_back(Occurrence { event: event.clone(), era: Arc::clone(&era) });
                        }
                    }
                }
                None => ended = true,
            },
        }
    }
}

/// Rate limit for warnings: frequent events must not fill the log.
#[derive(Default)]
struct Warnings {
    last: Option<Instant>,
    unsaid: u64,
}

impl Warnings {
    fn say(&mut self, rule: &str, what: &str) {
        let now = Instant::now();
        if self.last.is_some_and(|last| now < last + QUIET) {
            self.unsaid += 1;
            debug!(rule, "{what}");
            return;
        }
        self.last = Some(now);
        match std::mem::take(&mut self.unsaid) {
            0 => warn!(rule, "{what}"),
            unsaid => warn!(rule, unsaid, "{what}"),
        }
    }
}
