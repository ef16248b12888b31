// SPDX-License-Identifier: MIT OR Apache-2.0
//! A configuration is accepted or rejected as a whole.

use std::{
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{Agent, Client};

/// The agent's status of its parts, without changing numbers.
fn parts(agent: &Agent) -> Vec<(String, Value)> {
    let (mut client, _) = agent.request(r#"{"status":true,"events":false}"#);
    let status = client.json()["status"].take();
    let parts = status.as_object().unwrap().iter();
    parts
        .map(|(name, part)| (name.clone(), part["state"].clone()))
        .collect()
}

/// A free port.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_rejected_reload_releases_what_it_prepared() {
    let old = "[[stream]]\nlisten = '127.0.0.1:0'\n";
    let mut agent = Agent::start(old);
    let (mut client, _) = agent.request("{}");
    let before = parts(&agent);
    let socket = agent.directory().join("socket");
    let good = free_port();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let bad = taken.local_addr().unwrap().port();
    let section = |port: u16| format!("[[stream]]\nlisten = '127.0.0.1:{port}'\n");
    let unix = "[[stream]]\nlisten = 'unix:DIRECTORY/socket'\n";
    let more = "[counters]\n[[gesture]]\nline = 0\n[[output]]\nname = 'lamp'\nline = 'nowhere'\n";
    for new in [
        // Besides the sections that continue.
        [old, unix, &section(good), &section(bad), more].concat(),
        [old, &section(bad), unix, &section(good), more].concat(),
        // In place of them.
        [unix, &section(good), more, &section(bad)].concat(),
    ] {
        agent.configure(&new);
        agent.signal(Signal::SIGHUP);
        let refused = agent.wait_for_log("keeping the old configuration");
        assert!(refused.contains(&bad.to_string()), "{refused}");
        assert_eq!(parts(&agent), before);
        drop(TcpListener::bind(("127.0.0.1", good)).expect("the agent has the port"));
        assert!(!socket.exists());
        agent.events("rising 0\nfalling 0");
        let first = client.event();
        // No gesture follows either of them.
        assert_eq!(client.event(), first + 1);
    }

    drop(taken);
    agent.configure(&[old, unix, &section(good), &section(bad), more].concat());
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("reloaded the configuration");
    for port in [good, bad] {
        let mut new = Client::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
        new.send("{}");
        assert!(new.json()["hello"].is_object());
    }
    UnixStream::connect(socket).unwrap();
    assert_ne!(parts(&agent), before);
    agent.events("rising 0");
    client.event();
}
