// SPDX-License-Identifier: MIT OR Apache-2.0
//! A damaged journal: clients get the remaining events, and the number of missing ones.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::common::{Agent, Client};

const CONFIGURATION: &str = "[journal]\npath = 'DIRECTORY/journal'";

/// Events 1 and 2 are the levels of both lines; the source lost two events before each of the others.
const LAST: u64 = 102;

/// An agent that has these events on disk, and their session.
fn agent() -> (Agent, Value) {
    let mut agent = Agent::start(CONFIGURATION);
    let (mut client, hello) = agent.request("{}");
    agent.events(&"rising 0 2\n".repeat(LAST as usize - 2));
    while client.event() < LAST {}
    (agent, hello["session"].clone())
}

fn last_segment(agent: &Agent) -> PathBuf {
    let files = fs::read_dir(agent.directory().join("journal")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let segments = files.filter(|file| file.extension().is_some_and(|name| name == "segment"));
    segments.max().unwrap()
}

/// Kills the agent and starts it again after `change` of the last segment.
fn restart(agent: &mut Agent, change: impl FnOnce(&mut Vec<u8>)) {
    let segment = last_segment(agent);
    let mut bytes = fs::read(&segment).unwrap();
    change(&mut bytes);
    // The agent has the file open for appending, and nothing to append.
    fs::write(&segment, bytes).unwrap();
    agent.kill_and_restart(CONFIGURATION);
}

fn resume(agent: &Agent, session: &Value) -> (Client, Value) {
    let request = json!({"resume": {"session": session, "event": 0}});
    agent.request(&request.to_string())
}

#[test]
fn a_wrong_byte_in_the_last_segment_loses_one_event_which_is_reported() {
    let (mut agent, session) = agent();
    restart(&mut agent, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let (mut client, hello) = resume(&agent, &session);
    assert_eq!((&hello["session"], &hello["next"]), (&session, &json!(1)));
    let mut next = 1;
    let missed = loop {
        let line = client.json();
        if line["event"] != next {
            break line;
        }
        next += 1;
    };
    assert_eq!(missed, json!({"missed": 1, "lost": 2}));
    assert!((3..LAST).contains(&next));
    // New events follow it.
    agent.events("rising 0");
    for event in next + 1..=LAST + 1 {
        assert_eq!(client.event(), event);
    }
}

#[test]
fn damage_at_the_end_loses_events_and_starts_a_session() {
    let (mut agent, session) = agent();
    restart(&mut agent, |bytes| {
        let last = bytes.len() - 5;
        bytes[last] ^= 1;
    });
    let (mut client, hello) = resume(&agent, &session);
    let old = client.json();
    assert_eq!((&old["session"], &old["next"]), (&session, &json!(1)));
    for event in 1..LAST {
        assert_eq!(client.event(), event);
    }
    // Its number is reused, in another session.
    let begun = client.json();
    assert_ne!(begun["session"], session);
    assert_eq!(begun["session"], hello["session"]);
    assert_eq!(begun["next"], LAST, "{begun}");
    assert_eq!(client.event(), LAST);
}
