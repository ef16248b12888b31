// SPDX-License-Identifier: MIT OR Apache-2.0
//! Diagnoses why events do not arrive.

mod agent;
mod clock;
mod driver;

use std::{borrow::Cow, io::Write, process::ExitCode};

use anyhow::Result;
use serde::Serialize;

use super::Cli;
use crate::remote::Address;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Problem,
}

/// The result of a check.
#[derive(Debug, Serialize)]
struct Finding {
    check: Cow<'static, str>,
    state: State,
    found: String,
    /// How to fix it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            state: State::Ok,
            found: found.into(),
            cure: None,
        }
    }

    fn warning(
        check: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            check: check.into(),
            state: State::Warning,
            found: found.into(),
            cure: Some(cure.into()),
        }
    }

    fn problem(check: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            state: State::Problem,
            ..Self::warning(check, found, cure)
        }
    }
}

/// Runs all checks; the exit status is 1 if there is a problem.
pub fn run(cli: &Cli, json: bool, output: &mut impl Write) -> Result<ExitCode> {
    let connect = cli.target.connect.as_ref();
    let agent = agent::examine(&cli.target);
    let mut findings = Vec::new();
    if connect.is_none() {
        findings.extend(driver::examine(&cli.device, agent.has_source()));
    }
    findings.extend(agent.findings);
    if matches!(connect, None | Some(Address::Unix(_))) {
        findings.push(clock::examine());
    }

    let sick = findings
        .iter()
        .any(|finding| finding.state == State::Problem);
    for finding in findings {
        if json {
            writeln!(output, "{}", serde_json::to_string(&finding)?)?;
            continue;
        }
        let mark = match finding.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "PROBLEM",
        };
        writeln!(output, "{mark:<8} {:<12} {}", finding.check, finding.found)?;
        if let Some(cure) = finding.cure {
            writeln!(output, "{:<21} → {cure}", "")?;
        }
    }
    Ok(if sick {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
