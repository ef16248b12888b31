// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypollctl --reconnect`: connections that break, and the request on the next one.

mod common;

use common::{Agent, Then, event, hello};

/// The sessions of two agents.
const OLD: u64 = 0xaa;
const NEW: u64 = 0xbb;

/// The events that `monitor` prints, and the position that it requests on each connection.
fn monitor(agent: Agent, options: &[&str]) -> (Vec<u64>, Vec<String>) {
    let assert = agent
        .ctl()
        .args(["monitor", "--json", "--reconnect"])
        .args(options)
        .assert()
        .success();
    let printed = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    let events = printed
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|line| line["event"].as_u64())
        .collect();
    let places = agent.requests().iter().map(|line| place(line)).collect();
    (events, places)
}

/// The position in a request, in the format of `--since`.
fn place(request: &str) -> String {
    let request: serde_json::Value = serde_json::from_str(request).unwrap();
    let resume = &request["resume"];
    match resume["session"].as_str() {
        Some(session) => format!("{}-{}", session.trim_start_matches('0'), resume["event"]),
        None => "now".to_owned(),
    }
}

fn session(session: u64, next: u64) -> String {
    format!(r#"{{"session":"{session:016x}","boot":"b","next":{next}}}"#)
}

#[test]
fn a_break_before_the_first_event_loses_none() {
    let agent = Agent::start([
        (&[hello(OLD, 27)], Then::Close),
        (&[hello(OLD, 27), event(27)], Then::Silence),
    ]);
    assert_eq!(
        monitor(agent, &["--count", "1"]),
        (vec![27], vec!["now".into(), "aa-26".into()])
    );
}

#[test]
fn each_reconnect_continues_after_the_last_event() {
    let agent = Agent::start([
        (&[hello(OLD, 27), event(27), event(28)], Then::Close),
        (
            &[hello(OLD, 29), r#"{"missed":3}"#.into(), event(32)],
            Then::Close,
        ),
        (&[hello(OLD, 33), r#"{"missed":3}"#.into()], Then::Close),
        (&[hello(OLD, 36), r#"{"heartbeat":40}"#.into()], Then::Close),
        (&[hello(OLD, 40), event(40)], Then::Silence),
    ]);
    assert_eq!(
        monitor(agent, &["--count", "4"]),
        (
            vec![27, 28, 32, 40],
            ["now", "aa-28", "aa-32", "aa-35", "aa-39"]
                .map(String::from)
                .into()
        )
    );
}

#[test]
fn a_new_session_is_requested_once_its_events_follow() {
    let agent = Agent::start([
        (&[hello(OLD, 27), event(27)], Then::Close),
        // It greets with its own session, but still has to send the rest of the old one.
        (&[hello(NEW, 28)], Then::Close),
        (&[hello(NEW, 28), session(OLD, 28), event(28)], Then::Close),
        (&[hello(NEW, 29), session(NEW, 101)], Then::Close),
        (&[hello(NEW, 101), event(101)], Then::Silence),
    ]);
    assert_eq!(
        monitor(agent, &["--count", "3"]),
        (
            vec![27, 28, 101],
            ["now", "aa-27", "aa-27", "aa-28", "bb-100"]
                .map(String::from)
                .into()
        )
    );
}

#[test]
fn the_requested_position_stays_until_something_arrives() {
    let agent = Agent::start([
        (&[hello(NEW, 5)], Then::Close),
        (&[hello(NEW, 5), session(NEW, 5), event(5)], Then::Silence),
    ]);
    let since = format!("{OLD:016x}-21");
    assert_eq!(
        monitor(agent, &["--count", "1", "--since", &since]),
        (vec![5], vec!["aa-21".into(), "aa-21".into()])
    );
}

#[test]
fn wait_reconnects_and_ends_in_time() {
    let agent = Agent::start([
        (&[hello(OLD, 27)], Then::Close),
        (&[hello(OLD, 27), event(27)], Then::Silence),
    ]);
    agent
        .ctl()
        .args(["wait", "door", "--reconnect"])
        .assert()
        .success();
    let places: Vec<_> = agent.requests().iter().map(|line| place(line)).collect();
    assert_eq!(places, ["now", "aa-26"]);

    let gone = Agent::start([(&[hello(OLD, 27)], Then::Close)]);
    gone.ctl()
        .args(["wait", "door", "--reconnect", "--timeout", "100ms"])
        .assert()
        .code(124);
}
