// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[rule]]`: reactions to events.
//!
//! Each rule is a separate sink, so that a slow or failing action delays nothing else. Local actions ([`exec`], outputs)
//! are tried once, in a bounded [`queue`]. Actions on other machines ([`webhook`], MQTT) are done
//! [at least once](delivery), in order.

mod config;
mod delivery;
mod exec;
#[cfg(feature = "mqtt")]
mod mqtt;
mod occurrence;
mod output;
mod queue;
mod webhook;

use tokio_util::sync::CancellationToken;

pub use config::{Action, Config};

use super::Run;
use crate::{
    context::Context,
    filter::When,
    identity::SessionId,
    status::{Counter, Reporter},
};
use occurrence::Occurrence;

/// The counters of a rule.
struct Counters {
    /// Matching events.
    matched: Counter,
    /// Completed actions.
    done: Counter,
    /// Failed actions.
    failed: Counter,
    /// Events dropped because the queue was full.
    dropped: Counter,
    /// Retries.
    retried: Counter,
    /// Events that the journal no longer had.
    missed: Counter,
}

impl Counters {
    fn new(reporter: &Reporter) -> Self {
        Self {
            matched: reporter.counter("matched"),
            done: reporter.counter("done"),
            failed: reporter.counter("failed"),
            dropped: reporter.counter("dropped"),
            retried: reporter.counter("retried"),
            missed: reporter.counter("missed"),
        }
    }
}

/// A running rule.
struct Rule {
    name: String,
    when: When,
    context: Context,
    /// The last event before the rule was created.
    begin: (SessionId, u64),
    reporter: Reporter,
    counters: Counters,
}

impl Config {
    pub(super) fn name(&self) -> String {
        format!("rule {}", self.name)
    }

    /// Reads the files that the action needs.
    ///
    /// # Errors
    ///
    /// The configuration is rejected; the error names the key.
    pub(super) fn prepare(&self, context: &Context) -> anyhow::Result<Run> {
        if let Action::Webhook(webhook) = &self.action {
            webhook.check()?;
        }
        let (config, context) = (self.clone(), context.clone());
        Ok(Box::new(move |stop: CancellationToken| {
            let reporter = context.status.reporter(config.name());
            let rule = Rule {
                name: config.name,
                when: config.when,
                counters: Counters::new(&reporter),
                begin: (
                    context.journal.era().session,
                    context.journal.snapshot().after,
                ),
                context,
                reporter,
            };
            match config.action {
                Action::Output(order) => Box::pin(output::run(rule, order, stop)),
                Action::Exec(exec) => Box::pin(exec::run(rule, exec, stop)),
                #[cfg(feature = "mqtt")]
                Action::Mqtt(mqtt) => Box::pin(mqtt::run(rule, mqtt, stop)),
                Action::Webhook(webhook) => Box::pin(webhook::run(rule, webhook, stop)),
            }
        }))
    }
}

#[cfg(test)]
mod tests;
