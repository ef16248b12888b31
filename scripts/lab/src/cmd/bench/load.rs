// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/bench agent`: the agent and mosquitto on this machine, each under the same load of many clients.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use fs_err as fs;
use serde_json::Value;

use crate::cli::BenchAgentArgs;
use crate::deps::cargo;
use crate::deps::host;
use crate::store::step::Task;
use crate::{Paths, Progress};

const WORKSPACE: &str = "recipes-apps/mypoll-agent/mypoll-agent";

/// Figures of mypoll-load: label, JSON key, and the goal as the highest ratio to the broker's figure.
const ROWS: [(&str, &str, Option<f64>); 7] = [
    ("events a second", "rate", None),
    ("p50 to the last client, µs", "p50_us", None),
    ("p99 to the last client, µs", "p99_us", Some(0.5)),
    ("slowest, µs", "max_us", None),
    ("processor time, s", "cpu_s", Some(0.5)),
    ("resident, KiB", "resident_kib", None),
    ("events not received", "missing", None),
];

/// Runs `./scripts/bench agent`.
pub fn bench(paths: &Paths, args: &BenchAgentArgs) -> Result<ExitCode> {
    let progress = Progress::new(args.install);
    let needs = [host::tool("mosquitto", "mosquitto")];
    host::provide(paths, &progress, &needs)?;
    let broker = host::find_tool("mosquitto").context("mosquitto is not installed")?;

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

    let measure = |subject: &str, program: &std::path::Path| -> Result<Value> {
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
    println!("{}", table(&agent, &broker)?);
    if let Some(json) = &args.json {
        let text = serde_json::to_string_pretty(&[&agent, &broker])? + "\n";
        fs::write(json, text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(agent: &Value, broker: &Value) -> Result<String> {
    let mut text = format!(
        "{} clients, and {} that never read; {} events\n{:<28} {:>14} {:>14} {:>8}\n",
        agent["clients"],
        agent["silent_clients"],
        agent["events"],
        "",
        "mypoll-agent",
        "mosquitto",
        "ratio"
    );
    for (name, figure, goal) in ROWS {
        let value = |load: &Value| {
            load[figure]
                .as_f64()
                .with_context(|| format!("mypoll-load's output lacks {figure}"))
        };
        let (agent, broker) = (value(agent)?, value(broker)?);
        let ratio = agent / broker;
        let verdict = match goal {
            Some(goal) if ratio > goal => format!("  goal missed: {goal:.2}"),
            Some(goal) => format!("  goal met: {goal:.2}"),
            None => String::new(),
        };
        text += &format!("{name:<28} {agent:>14.1} {broker:>14.1} {ratio:>8.2}{verdict}\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(p99_us: f64, cpu_s: f64) -> Value {
        let mut load: Value = ROWS.iter().map(|(_, figure, _)| (*figure, 1.0)).collect();
        load["p99_us"] = p99_us.into();
        load["cpu_s"] = cpu_s.into();
        load
    }

    #[test]
    fn met_and_missed_goals_are_reported() {
        let text = table(&load(500.0, 6.0), &load(1000.0, 10.0)).unwrap();
        let row = |name| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(row("p99").ends_with("0.50  goal met: 0.50"), "{text}");
        assert!(row("proc").ends_with("0.60  goal missed: 0.50"), "{text}");
    }
}
