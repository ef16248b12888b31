// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events that the agent derives from others.

use std::{thread, time::Duration};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::common::{Agent, Client};

/// The next event's source, kind, label and value.
fn next(client: &mut Client) -> Value {
    let event = client.json();
    json!([
        event["source"],
        event["kind"],
        event["label"],
        event["value"]
    ])
}

fn edge(kind: &str) -> Value {
    json!(["gpio", kind, "button", u8::from(kind == "rising")])
}

#[test]
fn two_presses_are_a_double_click() {
    // A gap that is long enough for a slow machine, and no third click to wait for.
    let mut agent = Agent::start(
        "[[gesture]]\nlabel = 'button'\ndouble-click = '1h'\nclicks = 2\nlong-press = '1h'",
    );
    let (mut client, _) = agent.request("{}");
    let (mut others, _) = agent.request(r#"{"filter":{"label":["button"],"source":["gesture"]}}"#);
    for _ in 0..2 {
        for kind in ["rising", "falling"] {
            agent.events(&format!("{kind} 0"));
            assert_eq!(next(&mut client), edge(kind));
        }
    }
    let click = json!(["gesture", "double-click", "button", 2]);
    assert_eq!(next(&mut client), click);
    assert_eq!(next(&mut others), click);
}

#[test]
fn timed_gestures_need_no_further_event() {
    let mut agent = Agent::start(
        "[[gesture]]\nline = 0\nlong-press = '10ms'\nrepeat = '10ms'\n\
         [[watchdog]]\nlabel = 'button'\nsilent = '100ms'",
    );
    let (mut client, _) = agent.request(r#"{"filter":{"line":[0]}}"#);
    agent.events("rising 0");
    let mut kinds = Vec::new();
    while !kinds.contains(&json!("silent")) {
        kinds.push(client.json()["kind"].take());
    }
    let rising = kinds.iter().position(|kind| kind == "rising").unwrap();
    assert_eq!(kinds[rising + 1..rising + 3], ["long-press", "repeat"]);
    agent.events("falling 0");
    kinds.clear();
    while kinds.len() < 3 {
        kinds.push(client.json()["kind"].take());
        kinds.retain(|kind| kind != "repeat" && kind != "silent");
    }
    kinds.sort_by_key(Value::to_string);
    assert_eq!(kinds, ["falling", "recovered", "release"]);
}

#[test]
fn a_release_that_waited_for_the_agent_ends_a_click() {
    let mut agent = Agent::start("[[gesture]]\nline = 0\nlong-press = '2s'\nclicks = 1");
    let (mut client, _) = agent.request("{}");
    agent.events("rising 0");
    let rising = client.json();
    agent.signal(Signal::SIGSTOP);
    let stamp: u64 = rising["timestamp_ns"].as_str().unwrap().parse().unwrap();
    agent.events(&format!("falling 0 @{}", stamp + 100_000_000));
    // Time that has to pass: without the release this would be a long press.
    thread::sleep(Duration::from_secs(3));
    agent.signal(Signal::SIGCONT);
    assert_eq!(next(&mut client), edge("falling"));
    assert_eq!(next(&mut client), json!(["gesture", "click", "button", 1]));
}

#[test]
fn a_reload_adds_gestures_and_the_end_finishes_them() {
    let mut agent = Agent::start("");
    agent.configure("[[gesture]]\nlabel = 'door'\nlong-press = '10ms'");
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("reloaded the configuration");
    let (mut client, _) = agent.request(r#"{"filter":{"source":["gesture"]}}"#);
    agent.events("rising 1");
    assert_eq!(
        next(&mut client),
        json!(["gesture", "long-press", "door", 10])
    );
    agent.signal(Signal::SIGTERM);
    let release = client.json();
    assert_eq!(
        (&release["kind"], &release["line"]),
        (&json!("release"), &json!(1))
    );
    drop(client);
    assert_eq!(agent.status().code(), Some(0));
}

#[test]
fn a_missing_line_is_waited_for() {
    let mut agent = Agent::start("[[gesture]]\nlabel = 'bell'\n[[gesture]]\nlabel = 'door'");
    agent.wait_for_log("gesture bell waits: the line `bell` is missing");
    let (mut client, _) = agent.request(r#"{"status":true}"#);
    let status = client.json();
    let parts = &status["status"];
    assert_eq!(
        parts["gesture bell"],
        json!({"state": "waiting", "reason": "the line `bell` is missing"})
    );
    assert_eq!(parts["gesture door"], json!({"state": "working"}));
}
