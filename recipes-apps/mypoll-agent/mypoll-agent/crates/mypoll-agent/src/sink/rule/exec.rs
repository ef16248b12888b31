// SPDX-License-Identifier: MIT OR Apache-2.0
//! The action `exec`: runs a program without a shell.

mod config;
mod process;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use config::Config;

use super::{Occurrence, Rule, occurrence::Field, queue};
use config::Argument;
use process::Invocation;

impl Config {
    /// The program with the arguments for an event, and the event in its environment.
    fn invocation(&self, occurrence: &Occurrence, rule: &Rule) -> Invocation {
        let body = occurrence.body(rule);
        let argument = |argument: &Argument| match argument {
            Argument::Text(text) => text.clone(),
            Argument::Field(field) => body.value(*field),
        };
        let variable = |(name, field): &(&str, Field)| {
            let name = format!("MYPOLL_{}", name.to_ascii_uppercase());
            (name, body.value(*field))
        };
        Invocation {
            program: self.program.clone(),
            arguments: self.arguments.iter().map(argument).collect(),
            variables: Field::ALL.iter().map(variable).collect(),
            timeout: self.timeout,
        }
    }
}

pub(super) async fn run(rule: Rule, config: Config, stop: CancellationToken) {
    let bounds = queue::Bounds {
        queue: config.queue,
        parallel: config.parallel,
    };
    let name: Arc<str> = rule.name.as_str().into();
    let act = |occurrence: &Occurrence, rule: &Rule| {
        let (invocation, name) = (config.invocation(occurrence, rule), Arc::clone(&name));
        async move {
            invocation
                .run(&name)
                .await
                .map_err(|error| error.to_string())
        }
    };
    queue::run(rule, bounds, act, stop).await;
}
