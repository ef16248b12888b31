// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypollctl doctor` with an agent, and without a driver.

mod common;

use std::net::TcpListener;

use assert_cmd::{assert::Assert, cargo::cargo_bin_cmd};

use common::{Agent, Then, hello};

/// Runs `doctor` with an agent whose parts have this status.
fn doctor(status: &str) -> Assert {
    let status = format!(r#"{{"status":{status}}}"#);
    let agent = Agent::start([(&[hello(1, 27), status], Then::Silence)]);
    let assert = agent.ctl().arg("doctor").assert();
    let requests = agent.requests();
    assert_eq!(requests, [r#"{"protocol":1,"status":true,"events":false}"#]);
    assert
}

/// The lines, without the address.
fn said(assert: &Assert) -> String {
    let output = String::from_utf8_lossy(&assert.get_output().stdout);
    let port = |text: &str| -> String {
        let words = text.split(' ').map(|word| match word.strip_prefix("tcp:") {
            Some(_) => "ADDRESS:",
            None => word,
        });
        words.collect::<Vec<_>>().join(" ")
    };
    output.lines().map(|line| port(line) + "\n").collect()
}

#[test]
fn an_agent_elsewhere_needs_no_driver_here() {
    let assert = doctor(r#"{"source":{"state":"working","lost":0},"journal":{"state":"working"}}"#);
    assert_eq!(
        said(&assert),
        "ok       agent        ADDRESS: version 9.9\n\
         ok       source       the agent's source works\n"
    );
    assert.success();
}

#[test]
fn waiting_parts_are_named() {
    let assert = doctor(
        r#"{"source":{"state":"waiting","reason":"no chip gpiochip9"},"mqtt b":{"state":"waiting","reason":"refused"}}"#,
    );
    assert_eq!(
        said(&assert),
        "ok       agent        ADDRESS: version 9.9\n\
         warning  mqtt b       waits: refused\n\
         \u{20}                     → fix that; the agent retries by itself\n\
         PROBLEM  source       waits: no chip gpiochip9\n\
         \u{20}                     → fix that; the agent retries by itself\n"
    );
    assert.code(1);
}

#[test]
fn a_missing_agent_is_a_problem() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let assert = cargo_bin_cmd!("mypollctl")
        .args(["--connect", &address, "doctor", "--json"])
        .assert()
        .code(1);
    let found: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(
        (&found["check"], &found["state"]),
        (&"agent".into(), &"problem".into())
    );
    let cure = found["do"].as_str().unwrap();
    assert!(cure.contains("systemctl start mypoll-agent"), "{cure}");
}
