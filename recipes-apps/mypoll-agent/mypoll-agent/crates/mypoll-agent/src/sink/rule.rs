// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[rule]]`: what the agent does on which events.
//!
//! Each rule is a sink of its own, so that a slow or failing action delays nothing else. Actions on this machine
//! ([`exec`], outputs) are tried once, in a [`queue`] with a bound. Those that go to other machines ([`webhook`], MQTT) are
//! done [at least once](delivery), in order.

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

/// What is counted of a rule.
struct Counters {
    /// Events that the rule takes.
    matched: Counter,
    /// Actions that were done.
    done: Counter,
    /// Actions that were given up.
    failed: Counter,
    /// Events that found the queue full.
    dropped: Counter,
    /// Attempts that are made again.
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

/// A rule that runs.
struct Rule {
    name: String,
    when: When,
    context: Context,
    /// The last event before the rule was there.
    begin: (SessionId, u64),
    reporter: Reporter,
    counters: Counters,
}

impl Config {
    pub(super) fn name(&self) -> String {
        format!("rule {}", self.name)
    }

    /// Reads what the action needs.
    ///
    /// # Errors
    ///
    /// The configuration is refused; the error names the key.
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
