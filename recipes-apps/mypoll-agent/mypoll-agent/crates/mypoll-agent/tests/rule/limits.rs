// SPDX-License-Identifier: MIT OR Apache-2.0
//! Limits on running programs and waiting events.

use std::fs;

use super::{Agent, exec::rule, wait_for_counts};

/// Runs until the test makes the file `open`.
const GATE: &str = r#"cd "${0%/*}"
    echo >>runs
    while [ ! -e open ]; do sleep 0.05; done"#;

#[test]
fn a_flood_is_bounded_and_counted() {
    let mut agent = Agent::start(&rule("flood", "", ", queue = 3, parallel = 2"));
    fs::write(agent.directory().join("script"), GATE).unwrap();
    agent.events("rising 0\nrising 1");
    wait_for_counts(&agent, "flood", &[("running", 2), ("queued", 0)]);
    // Neither levels nor falling edges count.
    agent.events(&"rising 0\nfalling 0\n".repeat(1000));
    let counts = [
        ("matched", 1002),
        ("running", 2),
        ("queued", 3),
        ("dropped", 997),
    ];
    wait_for_counts(&agent, "flood", &counts);
    agent.wait_for_log("too many events are waiting for this rule, dropped one");
    fs::write(agent.directory().join("open"), "").unwrap();
    wait_for_counts(
        &agent,
        "flood",
        &[("done", 5), ("running", 0), ("queued", 0)],
    );
    let runs = fs::read_to_string(agent.directory().join("runs")).unwrap();
    assert_eq!(runs.lines().count(), 5);
}
