// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/bench agent`: the agent on this machine under the load of many clients, and mosquitto under the same.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::cli::BenchAgentArgs;
use crate::deps::cargo;
use crate::deps::host;
use crate::store::step::Task;
use crate::{Paths, Progress};

const WORKSPACE: &str = "recipes-apps/mypoll-agent/mypoll-agent";

/// What mypoll-load says of one subject.
#[derive(Debug, Deserialize, Serialize)]
struct Load {
    subject: String,
    clients: u32,
    silent_clients: u32,
    events: u64,
    rate: f64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    cpu_s: f64,
    resident_kib: u64,
    missing: u64,
}

/// The verb.
pub fn bench(paths: &Paths, args: &BenchAgentArgs) -> Result<ExitCode> {
    let progress = Progress::new(args.install);
    let needs = [host::tool("mosquitto", "mosquitto")];
    host::provide(paths, &progress, &needs)?;
    let broker = host::find_tool("mosquitto").context("mosquitto is not there")?;

    let target = paths.cache.join("target-agent");
    let mut build = cargo::cargo(&paths.repo, &target);
    build
        .current_dir(paths.repo.join(WORKSPACE))
        .args(["build", "--locked", "--release"])
        .args(["--package", "mypoll-agent", "--package", "mypoll-load"]);
    progress.step(
        paths,
        &Task::new("agent", "building the agent for this machine"),
        |log| log.run(&mut build),
    )?;

    let measure = |subject: &str, program: &std::path::Path| -> Result<Load> {
        progress.say(&format!("{subject}: measuring for {} s…", args.seconds));
        let mut load = Command::new(target.join("release/mypoll-load"));
        load.args(["--clients", &args.clients.to_string()])
            .args(["--rate", &args.rate.to_string()])
            .args(["--time", &format!("{}s", args.seconds)])
            .args([subject, "--program"])
            .arg(program);
        Ok(serde_json::from_str(&host::output(&mut load)?)?)
    };
    let agent = measure("agent", &target.join("release/mypoll-agent"))?;
    let broker = measure("broker", &broker)?;
    println!("{}", table(&agent, &broker));
    if let Some(json) = &args.json {
        let text = serde_json::to_string_pretty(&[&agent, &broker])? + "\n";
        fs::write(json, text).with_context(|| format!("can't write {}", json.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(agent: &Load, broker: &Load) -> String {
    let mut text = format!(
        "{} clients, and {} that never read; {} events\n{:<28} {:>14} {:>14} {:>8}\n",
        agent.clients, agent.silent_clients, agent.events, "", "mypoll-agent", "mosquitto", "ratio"
    );
    let mut row = |name: &str, agent: f64, broker: f64, goal: Option<f64>| {
        let ratio = agent / broker;
        let verdict = match goal {
            Some(goal) if ratio > goal => format!("  goal missed: {goal:.2}"),
            Some(goal) => format!("  goal met: {goal:.2}"),
            None => String::new(),
        };
        // Writing to a String doesn't fail.
        let _ = writeln!(
            text,
            "{name:<28} {agent:>14.1} {broker:>14.1} {ratio:>8.2}{verdict}"
        );
    };
    row("events a second", agent.rate, broker.rate, None);
    row(
        "p50 to the last client, µs",
        agent.p50_us,
        broker.p50_us,
        None,
    );
    row(
        "p99 to the last client, µs",
        agent.p99_us,
        broker.p99_us,
        Some(0.5),
    );
    row("slowest, µs", agent.max_us, broker.max_us, None);
    row("processor time, s", agent.cpu_s, broker.cpu_s, Some(0.5));
    row(
        "resident, KiB",
        agent.resident_kib as f64,
        broker.resident_kib as f64,
        None,
    );
    row(
        "events not received",
        agent.missing as f64,
        broker.missing as f64,
        None,
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(p99_us: f64, cpu_s: f64) -> Load {
        Load {
            subject: "agent".to_owned(),
            clients: 256,
            silent_clients: 10,
            events: 100_000,
            rate: 10_000.0,
            p50_us: 1.0,
            p99_us,
            max_us: 1.0,
            cpu_s,
            resident_kib: 4000,
            missing: 0,
        }
    }

    #[test]
    fn goals_are_said_to_be_met_or_missed() {
        let text = table(&load(500.0, 6.0), &load(1000.0, 10.0));
        let row = |name| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(row("p99").ends_with("0.50  goal met: 0.50"), "{text}");
        assert!(
            row("processor").ends_with("0.60  goal missed: 0.50"),
            "{text}"
        );
    }
}
