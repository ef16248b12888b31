// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pulse totals that survive the agent.

use serde_json::{Value, json};

use crate::common::Agent;

/// The levels of both lines once the pulses of the first are `expected`.
fn levels(agent: &Agent, expected: u64) -> Value {
    // Earlier events of the journal are counted shortly after the start.
    for _ in 0..1000 {
        let (mut client, _) = agent.request(r#"{"levels":true}"#);
        let levels = client.json()["levels"].take();
        if levels[0]["pulses"] == expected {
            return levels;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("never {expected} pulses");
}

#[test]
fn no_pulse_is_missing_or_counted_twice_across_kills() {
    let configuration = "[journal]\npath = 'DIRECTORY/journal'\n[counters]\nsave = '20ms'";
    let mut agent = Agent::start(configuration);
    let (mut client, hello) = agent.request("{}");
    let mut event = hello["next"].as_u64().unwrap() - 1;
    let session = hello["session"].as_str().unwrap().to_owned();
    for round in 1..=5 {
        agent.events(&"rising 0\nfalling 0\n".repeat(100));
        let mut left = 100;
        while left > 0 {
            let line = client.json();
            event = line["event"].as_u64().unwrap_or(event);
            left -= u32::from(line["kind"] == "falling");
        }
        // Pulses that a client saw are counted, even if the agent is killed before, during or after a save.
        agent.kill_and_restart(configuration);
        let resume = json!({"resume": {"session": session, "event": event}});
        client = agent.request(&resume.to_string()).0;
        let levels = levels(&agent, round * 100);
        assert_eq!(levels[1]["pulses"], 0, "{levels}");
        assert!(levels[0]["rate"].is_number(), "{levels}");
    }
}

#[test]
fn without_the_section_nothing_is_counted() {
    let agent = Agent::start("");
    let (mut client, _) = agent.request(r#"{"levels":true}"#);
    assert_eq!(
        client.json()["levels"][0],
        json!({"line": 0, "label": "button", "active": false})
    );
}
