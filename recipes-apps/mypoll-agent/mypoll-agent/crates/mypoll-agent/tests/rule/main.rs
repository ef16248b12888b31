// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[rule]]` of the program itself: programs that it runs, and servers that fail.
#![cfg(feature = "rule")]

#[path = "../common/mod.rs"]
mod common;
mod end;
mod exec;
mod kill;
mod limits;
mod server;
mod webhook;

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use common::{Agent, DEADLINE};
use serde_json::Value;

/// Waits until `condition` returns a value.
fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The agent's status of a rule.
fn status(agent: &Agent, rule: &str) -> Value {
    let (mut client, _) = agent.request(r#"{"status":true,"events":false}"#);
    client.json()["status"][format!("rule {rule}")].take()
}

/// Waits until a rule has these counts.
fn wait_for_counts(agent: &Agent, rule: &str, counts: &[(&str, u64)]) {
    let mut last = Value::Null;
    let end = Instant::now() + DEADLINE;
    loop {
        let now = status(agent, rule);
        if counts.iter().all(|(name, count)| now[name] == *count) {
            return;
        }
        if now != last {
            last = now;
        }
        assert!(Instant::now() < end, "not {counts:?}: {last}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Applies `change` to the agent's configuration, and reloads it.
fn reload(agent: &mut Agent, change: impl FnOnce(String) -> String) {
    let path = agent.directory().join("agent.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, change(text)).unwrap();
    agent.signal(nix::sys::signal::Signal::SIGHUP);
    agent.wait_for_log("reloaded the configuration");
}

/// Whether this process runs; zombies count as gone.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// The child processes of this process.
fn children(pid: i32) -> Vec<String> {
    let parent = format!("PPid:\t{pid}");
    let processes = fs::read_dir("/proc").unwrap().map_while(Result::ok);
    processes
        .filter_map(|process| {
            let status = fs::read_to_string(process.path().join("status")).ok()?;
            let is_child = status.lines().any(|line| line == parent);
            is_child.then(|| process.file_name().to_string_lossy().into_owned())
        })
        .collect()
}
