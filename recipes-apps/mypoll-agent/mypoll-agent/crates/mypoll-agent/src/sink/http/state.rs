// SPDX-License-Identifier: MIT OR Apache-2.0
//! `/lines`, `/stats` and `/healthz`: the current state.

use std::time::Duration;

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::answer::{Answer, json};
use crate::{
    clock::{self, WallClock},
    command::Control,
    context::Context,
    journal, lines,
    pulses::Tally,
};

/// How long a part may work on one thing.
const STUCK: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Lines {
    session: String,
    /// The number of the last event included in the levels.
    after: u64,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    line: lines::Line,
    #[serde(flatten)]
    tally: Option<Tally>,
}

#[derive(Serialize)]
struct Stats<'a> {
    agent: &'a str,
    machine: &'a str,
    boot: &'a str,
    session: String,
    /// The wall-clock time, to compare with the client's.
    time: String,
    clock_synchronized: bool,
    journal: journal::Stats,
    parts: Value,
    outputs: Vec<String>,
    /// The orders that this client may give.
    control: &'a [Control],
}

#[derive(Serialize)]
struct Health {
    healthy: bool,
    /// Problems, for a client with access.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Vec<String>>,
}

pub(super) fn lines(context: &Context) -> Answer {
    let journal = &context.journal;
    let session = journal.era().session.to_string();
    let snapshot = journal.snapshot();
    let line = |line: &lines::Line| Line {
        line: line.clone(),
        tally: snapshot.tally(line),
    };
    let lines = Lines {
        session,
        after: snapshot.after,
        lines: snapshot.lines.iter().map(line).collect(),
    };
    json(StatusCode::OK, &lines)
}

pub(super) fn stats(context: &Context, control: &[Control]) -> Answer {
    let journal = &context.journal;
    let identity = journal.identity();
    let now = WallClock::now().at(clock::monotonic_ns());
    let stats = Stats {
        agent: env!("CARGO_PKG_VERSION"),
        machine: &identity.machine,
        boot: &identity.boot,
        session: journal.era().session.to_string(),
        time: now.rfc3339(),
        clock_synchronized: now.synchronized,
        journal: journal.stats(),
        parts: context.status.to_json(),
        outputs: context.commands.outputs(),
        control,
    };
    json(StatusCode::OK, &stats)
}

pub(super) fn health(context: &Context, with_reasons: bool) -> Answer {
    let waiting = context.status.waiting().into_iter();
    let stuck = context.status.stuck(STUCK).into_iter();
    let reasons: Vec<_> = waiting
        .map(|(part, reason)| format!("{part}: {reason}"))
        .chain(stuck.map(|part| format!("{part} makes no progress")))
        .collect();
    let status = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let health = Health {
        healthy: reasons.is_empty(),
        reasons: with_reasons.then_some(reasons),
    };
    json(status, &health)
}
