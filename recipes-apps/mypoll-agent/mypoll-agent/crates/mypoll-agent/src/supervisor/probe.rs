// SPDX-License-Identifier: MIT OR Apache-2.0
//! Trying whether all that a configuration names can be opened.

use std::{fmt, time::Duration};

use anyhow::Result;
use tokio::time;

use super::{Context, Identity, Journal, Pump, Sinks, Source};
use crate::{config::Config, status::Condition};

/// How long the parts have to open what they need.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a part is that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The part, such as `device /dev/mypoll`.
    pub part: String,
    /// How it is.
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

/// Opens all that the agent would, for two seconds, without keeping events on disk.
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
    // What does not end in time ends with the program.
    let _ = time::timeout(PATIENCE, ended).await;
    let finding = |(part, condition)| Finding { part, condition };
    Ok(findings.into_iter().map(finding).collect())
}
