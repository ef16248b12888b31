// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients that are slow, silent or too many, and the agent's end.

use std::{
    io::{Read as _, Write as _},
    time::Instant,
};

use crate::agent::{Agent, DEADLINE};

#[test]
fn a_client_that_does_not_read_delays_nobody_and_gets_a_gap() {
    let mut agent = Agent::with("send-buffer = 4096", "[journal]\nmemory = 65536");
    let mut slow = agent.events("", None);
    let mut events = agent.events("", None);
    slow.expect("hello");
    let next = events.expect("hello").data["hello"]["next"]
        .as_u64()
        .unwrap();
    // More than fits into all buffers in between.
    const COUNT: u64 = 100_000;
    for _ in 0..COUNT / 100 {
        agent.send(&["tick"; 100].join("\n"));
        // Keep pace, so that this client misses nothing.
        for _ in 0..100 {
            events.number();
        }
    }
    let mut expected = next;
    let mut missed = 0;
    while expected < next + COUNT {
        let message = slow.next().unwrap();
        if message.name == "missed" {
            missed += message.data["missed"].as_u64().unwrap();
            expected += message.data["missed"].as_u64().unwrap();
        } else {
            assert_eq!(message.data["event"], expected);
            expected += 1;
        }
    }
    assert!(missed > 0);
}

#[test]
fn an_incomplete_head_times_out() {
    let agent = Agent::start("max-clients = 1");
    let mut slow = agent.connect();
    slow.write_all(b"GET /stats HTTP/1.1\r\nHost: local")
        .unwrap();
    let mut silent = agent.connect();
    // Neither takes a client's place.
    assert_eq!(agent.get("/stats").status, 200);
    let begin = Instant::now();
    for stream in [&mut slow, &mut silent] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(begin.elapsed() < DEADLINE / 2, "not closed");
    }
}

#[test]
fn too_many_clients_are_rejected() {
    let agent = Agent::start("max-clients = 1");
    let mut events = agent.events("", None);
    events.expect("hello");
    let got = agent.get("/stats");
    assert_eq!(got.status, 503);
    assert!(got.error().contains("(max-clients)"), "{got:?}");
    assert!(got.header("retry-after").is_some());
    drop(events);
    let begin = Instant::now();
    while agent.get("/stats").status == 503 {
        assert!(begin.elapsed() < DEADLINE, "the place is not free again");
    }
}

#[test]
fn at_shutdown_the_agent_sends_remaining_events_and_closes() {
    let mut agent = Agent::start("");
    let mut events = agent.events("", None);
    events.expect("hello");
    let mut idle = agent.connect();
    write!(idle, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 20]).unwrap();
    agent.send(&["tick"; 1000].join("\n"));
    agent.end();
    for _ in 0..1000 {
        events.number();
    }
    assert!(events.next().is_none());
    idle.read_to_end(&mut Vec::new()).unwrap();
    assert!(agent.status().success());
}
