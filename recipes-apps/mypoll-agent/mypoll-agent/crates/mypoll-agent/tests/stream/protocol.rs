// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protocol as clients see it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::common::{Agent, Client};

/// Waits until the client is served: its first line answers its request.
fn hello(agent: &Agent) -> Client {
    agent.request("{}").0
}

#[test]
fn all_clients_get_the_same_events() {
    let mut agent = Agent::start("");
    let mut clients = [agent.connect(), hello(&agent), hello(&agent)];
    agent.events(&"tick\n".repeat(100));
    for client in &mut clients {
        let first = client.event();
        for event in first + 1..first + 100 {
            assert_eq!(client.event(), event);
        }
    }
}

#[test]
fn a_client_returns_and_continues_where_it_was() {
    let mut agent = Agent::start("");
    let (mut client, hello) = agent.request(r#"{"levels":true}"#);
    let after = client.json()["after"].as_u64().unwrap();
    agent.events("rising 1");
    let event = client.json();
    assert_eq!(event["event"], after + 1);
    assert_eq!(event["label"], "door");
    drop(client);

    agent.events("falling 1\nrising 0 7");
    let session = hello["session"].as_str().unwrap();
    let resume = json!({"resume": {"session": session, "event": after + 1}, "levels": true});
    let (mut client, hello) = agent.request(&resume.to_string());
    assert_eq!(hello["next"], after + 2);
    client.json();
    assert_eq!(client.event(), after + 2);
    let event = client.json();
    assert_eq!(
        (&event["event"], &event["lost"]),
        (&json!(after + 3), &json!(7))
    );

    let (mut client, _) = agent.request(r#"{"levels":true}"#);
    assert_eq!(
        client.json(),
        json!({"after": after + 3, "levels": [
            {"line": 0, "label": "button", "active": true},
            {"line": 1, "label": "door", "active": false},
        ]})
    );
}

#[test]
fn a_half_closed_client_still_gets_everything() {
    let mut agent = Agent::start("");
    // Like `nc host 7070 </dev/null` and like `echo REQUEST | nc host 7070`.
    let mut silent = agent.connect();
    silent.half_close();
    let (mut asking, _) = agent.request(r#"{"filter":{"source":["timer"]}}"#);
    asking.half_close();
    for _ in 0..3 {
        agent.events("tick");
        for client in [&mut silent, &mut asking] {
            let line = std::iter::repeat_with(|| client.json())
                .find(|line| line.get("heartbeat").is_none());
            assert_eq!(line.unwrap()["kind"], "tick");
        }
    }
}

#[test]
fn the_end_delivers_remaining_events() {
    let mut agent = Agent::start("");
    let mut clients = [agent.connect(), hello(&agent)];
    agent.events("tick");
    let first = clients[0].event();
    // When it continues, both the signal and these events are pending, whichever it handles first.
    agent.signal(Signal::SIGSTOP);
    agent.events(&"tick\n".repeat(500));
    agent.signal(Signal::SIGTERM);
    agent.signal(Signal::SIGCONT);
    assert_eq!(clients[1].event(), first);
    for client in &mut clients {
        assert_eq!(client.rest().len(), 500);
    }
    drop(clients);
    assert_eq!(agent.status().code(), Some(0));
}

#[test]
fn a_quiet_client_gets_a_heartbeat() {
    let agent = Agent::start("[[stream]]\nlisten = '127.0.0.1:0'\nheartbeat = '100ms'");
    let (mut client, hello) = agent.request("{}");
    for _ in 0..3 {
        assert_eq!(client.json()["heartbeat"], hello["next"]);
    }
}

#[test]
fn orders_need_control() {
    let agent = Agent::start("");
    let (mut client, _) = agent.request("{}");
    client.send(r#"{"order":"trigger"}"#);
    assert!(
        client.json()["error"]
            .as_str()
            .unwrap()
            .contains("role control")
    );
    let agent = Agent::start("[[stream]]\nlisten = '127.0.0.1:0'\ncontrol = true");
    let mut client = agent.connect();
    client.send(r#"{"order":{"output":{"toggle":{"name":"led"}}}}"#);
    assert!(
        client.json()["error"]
            .as_str()
            .unwrap()
            .contains("no output `led`")
    );
}

#[test]
fn a_unix_socket_takes_orders() {
    let mut agent = Agent::start(
        "[[stream]]\nlisten = ['127.0.0.1:0', 'unix:DIRECTORY/agent.sock']\ncontrol = true",
    );
    let mut client = UnixStream::connect(agent.directory().join("agent.sock")).unwrap();
    client.write_all(b"{\"order\":\"trigger\"}\n").unwrap();
    let mut lines = BufReader::new(client).lines();
    assert_eq!(
        lines.next().unwrap().unwrap(),
        r#"{"error":"this source supports neither triggers nor a timer"}"#
    );
    agent.events("tick");
    assert!(lines.next().unwrap().unwrap().starts_with(r#"{"event":"#));
}
