// SPDX-License-Identifier: MIT OR Apache-2.0
//! Server-sent events: new ones, resuming, and gaps.

use crate::agent::Agent;

#[test]
fn new_events_come_with_their_identity() {
    let mut agent = Agent::start("");
    let mut events = agent.events("", None);
    let hello = events.expect("hello").data["hello"].clone();
    assert_eq!(hello["machine"], "test");
    agent.send("rising 0\nfalling 0 3\ntick");
    let first = events.expect("message");
    let session = hello["session"].as_str().unwrap();
    let next = hello["next"].as_u64().unwrap();
    assert_eq!(first.id, format!("{session}-{next}"));
    assert_eq!(first.data["event"], next);
    assert_eq!(first.data["label"], "button");
    assert!(first.data["timestamp_ns"].is_string());
    assert_eq!(events.expect("message").data["lost"], 3);
    assert_eq!(events.expect("message").data["source"], "timer");
}

#[test]
fn a_client_that_reconnects_gets_what_it_missed() {
    let mut agent = Agent::start("");
    let mut events = agent.events("", None);
    events.expect("hello");
    agent.send("rising 0\nfalling 0\nrising 1");
    let first = events.expect("message");
    let number = first.data["event"].as_u64().unwrap();
    drop(events);
    agent.send("falling 1");
    let query = format!("?after={}", first.id);
    let elsewhere = "?after=00000000000000ff-1";
    for (query, last) in [
        (&*query, None),
        ("", Some(&*first.id)),
        (elsewhere, Some(&*first.id)),
    ] {
        let mut events = agent.events(query, last);
        assert_eq!(events.expect("hello").data["hello"]["next"], number + 1);
        let numbers = [(); 3].map(|()| events.number());
        assert_eq!(numbers, [number + 1, number + 2, number + 3], "{query}");
    }
}

#[test]
fn a_filter_chooses_by_source_kind_line_and_label() {
    let mut agent = Agent::start("");
    for (query, expected) in [
        ("?source=timer", &["tick"][..]),
        (
            "?kind=rising&kind=falling",
            &["rising", "falling", "rising"],
        ),
        ("?line=1", &["rising"]),
        ("?label=button&kind=falling", &["falling"]),
        ("?label=d%6For", &["rising"]),
    ] {
        let mut events = agent.events(query, None);
        events.expect("hello");
        agent.send("rising 0\ntick\nfalling 0\nrising 1");
        for kind in expected {
            assert_eq!(events.expect("message").data["kind"], *kind, "{query}");
        }
    }
}

#[test]
fn levels_and_events_fit_together() {
    let mut agent = Agent::start("");
    let mut before = agent.events("", None);
    before.expect("hello");
    agent.send("rising 1");
    let last = before.number();
    let mut events = agent.events("?levels=true", None);
    events.expect("hello");
    let levels = events.expect("levels").data;
    assert_eq!(levels["after"], last);
    assert_eq!(levels["levels"][0]["active"], false);
    assert_eq!(levels["levels"][1]["active"], true);
    agent.send("falling 1");
    assert_eq!(events.number(), last + 1);
}

#[test]
fn missing_events_are_counted() {
    let mut agent = Agent::with("", "[journal]\nmemory = 65536");
    let mut events = agent.events("", None);
    events.expect("hello");
    agent.send("rising 0");
    let first = events.expect("message");
    let number = first.data["event"].as_u64().unwrap();
    for _ in 0..20 {
        agent.send(&"tick\n".repeat(100));
        while events.number() % 100 != number % 100 {}
    }
    let mut resumed = agent.events("", Some(&first.id));
    resumed.expect("hello");
    let gap = resumed.expect("missed");
    let missed = gap.data["missed"].as_u64().unwrap();
    assert!(missed > 1000, "{gap:?}");
    assert_eq!(resumed.number(), number + missed + 1);
    // A client that returns after the gap is not told again.
    let mut again = agent.events("", Some(&gap.id));
    again.expect("hello");
    assert_eq!(again.number(), number + missed + 1);
}

#[test]
fn a_restart_is_another_session() {
    let mut agent = Agent::start("");
    let mut events = agent.events("", None);
    events.expect("hello");
    agent.send("rising 0");
    let last = events.expect("message");
    agent.restart();
    assert!(events.next().is_none());
    let mut events = agent.events("", Some(&last.id));
    let hello = events.expect("hello").data["hello"].clone();
    agent.send("falling 0");
    let session = events.expect("session").data;
    assert_eq!(session["session"], hello["session"]);
    assert_eq!(session["next"], 1);
    let event = events.expect("message");
    assert_eq!(event.data["event"], 1);
    assert!(event.id.starts_with(hello["session"].as_str().unwrap()));
}
