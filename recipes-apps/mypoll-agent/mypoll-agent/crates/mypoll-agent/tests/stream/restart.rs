// SPDX-License-Identifier: MIT OR Apache-2.0
//! An agent that is killed and restarted, with its journal on disk.

use std::{fs, net::TcpStream, os::unix::net::UnixStream, sync::mpsc::channel, thread};

use nix::{
    sys::{signal::Signal, stat::Mode},
    unistd::mkfifo,
};
use serde_json::{Value, json};

use crate::common::{Agent, Client};

const LISTEN: &str = "[journal]\npath = 'DIRECTORY/journal'\n[[stream]]\nlisten = ";

#[test]
fn clients_resume_after_a_kill_without_a_gap_or_a_duplicate() {
    let mut agent = Agent::start(&format!("{LISTEN}'127.0.0.1:0'"));
    let address = agent.address();
    let (_, hello) = agent.request("{}");
    let session = hello["session"].as_str().unwrap().to_owned();
    let first = hello["next"].as_u64().unwrap() - 1;
    let (sender, received) = channel();
    for client in 0..4 {
        let (sender, session) = (sender.clone(), session.clone());
        thread::spawn(move || {
            let mut last = first;
            // Ends with the test, when the receiver is gone.
            loop {
                let Ok(stream) = TcpStream::connect(address) else {
                    thread::yield_now();
                    continue;
                };
                let mut connection = Client::new(stream);
                let request = json!({"resume": {"session": session, "event": last}});
                // The agent may be killed at any time.
                if connection.try_send(&request.to_string()).is_err() {
                    continue;
                }
                while let Ok(Some(line)) = connection.try_line() {
                    let line: Value = serde_json::from_str(&line).unwrap();
                    last = line["event"].as_u64().unwrap_or(last);
                    if sender.send((client, line)).is_err() {
                        return;
                    }
                }
            }
        });
    }
    let mut last = [(first, 0); 4];
    for round in 1..=5_u64 {
        // `lost` identifies the event; events that the agent had read from the FIFO but not written may be gone.
        for number in 1..=1000 {
            agent.events(&format!("rising 1 {}", round * 10_000 + number));
        }
        agent.kill_and_restart(&format!("{LISTEN}'{address}'"));
        agent.events(&format!("rising 1 {}", round * 10_000 + 5000));
        while last.iter().any(|(_, lost)| *lost < round * 10_000 + 5000) {
            let (client, line): (usize, Value) = received.recv().unwrap();
            if line.get("hello").is_some() {
                assert_eq!(line["hello"]["session"], session);
                continue;
            }
            let (event, lost) = &mut last[client];
            assert_eq!(line["event"], *event + 1, "client {client}: {line}");
            *event += 1;
            if line["kind"] == "rising" {
                assert!(
                    line["lost"].as_u64() > Some(*lost),
                    "client {client}: {line}"
                );
                *lost = line["lost"].as_u64().unwrap();
            }
        }
    }
}

#[test]
fn a_reload_recreates_a_removed_unix_socket() {
    let mut agent = Agent::start("[[stream]]\nlisten = 'unix:DIRECTORY/socket'");
    let path = agent.directory().join("socket");
    fs::remove_file(&path).unwrap();
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("reloaded the configuration");
    UnixStream::connect(&path).unwrap();
}

#[test]
fn a_configuration_that_would_block_is_refused_by_a_reload() {
    let mut agent = Agent::start("");
    let path = agent.directory().join("agent.toml");
    fs::remove_file(&path).unwrap();
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    agent.signal(Signal::SIGHUP);
    let line = agent.wait_for_log("keeping the old configuration");
    assert!(line.contains("is not a regular file"), "{line}");
    let (mut client, _) = agent.request("{}");
    agent.events("tick");
    client.event();
}
