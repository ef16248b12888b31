// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests whether everything that a configuration names can be opened.

use std::{fmt, time::Duration};

use anyhow::Result;
use tokio::time;

use super::{Context, Identity, Journal, Pump, Sinks, Source};
use crate::{config::Config, status::Condition};

/// Time limit for opening everything.
const PATIENCE: Duration = Duration::from_secs(2);

/// The result for a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The part, such as `device /dev/mypoll`.
    pub part: String,
    /// Its state.
    pub condition: Condition,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.condition {
            Condition::Working => write!(f, "{}: ok", self.part),
            Condition::Waiting(reason) => write!(f, "{}: {reason}", self.part),
        }
    }
}

/// Opens everything that the agent would, for two seconds, without storing events on disk.
///
/// # Errors
///
/// The agent would not start.
pub async fn probe(config: &Config) -> Result<Vec<Finding>> {
    let identity = Identity::of_this_machine(config.agent.machine.as_deref());
    let (journal, writer) = Journal::in_memory(identity, config.journal.memory);
    let context = Context::new(journal);
    let source = Source::open(config, &context).await?;
    let mut sinks = Sinks::default();
    sinks.change(config, &context).await?;
    let mut pump = Pump::start(source, config, writer, &context.status);
    time::sleep(PATIENCE).await;
    let findings = context.status.conditions();
    let ended = async {
        pump.drain(PATIENCE / 2).await;
        sinks.ended().await;
    };
    // Anything that does not end in time ends with the program.
    let _ = time::timeout(PATIENCE, ended).await;
    let finding = |(part, condition)| Finding { part, condition };
    Ok(findings.into_iter().map(finding).collect())
}
