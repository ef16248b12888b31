// SPDX-License-Identifier: MIT OR Apache-2.0
//! Too many of everything.

use std::{net::TcpStream, os::unix::process::CommandExt as _};

use nix::sys::resource::{Resource, setrlimit};

use crate::common::{Agent, Client};

#[test]
fn one_client_too_many_is_rejected() {
    let mut agent = Agent::start("[[stream]]\nlisten = '127.0.0.1:0'\nmax-clients = 2");
    let (mut first, _) = agent.request("{}");
    let (mut second, _) = agent.request("{}");
    assert_eq!(
        agent.connect().rest(),
        [r#"{"error":"2 clients are connected, which is the limit (max-clients)"}"#]
    );
    agent.events("tick");
    assert_eq!(first.event(), second.event());
}

#[test]
fn without_descriptors_it_waits_and_recovers() {
    let mut agent = Agent::start_with(
        "[[stream]]\nlisten = '127.0.0.1:0'\nmax-clients = 1000",
        |command| {
            let limit = || setrlimit(Resource::RLIMIT_NOFILE, 40, 40).map_err(Into::into);
            #[expect(unsafe_code, reason = "a limit of the program's alone")]
            // SAFETY: `setrlimit` is a system call and nothing else.
            unsafe {
                command.pre_exec(limit);
            }
        },
    );
    let (mut quick, _) = agent.request("{}");
    let many: Vec<_> = (0..60)
        .map(|_| TcpStream::connect(agent.address()).unwrap())
        .collect();
    agent.wait_for_log("cannot accept");
    agent.events("tick");
    quick.event();
    drop(many);
    agent.request("{}");
}

#[test]
fn a_thousand_connections_at_once_harm_nobody() {
    let mut agent = Agent::start(
        "[log]\nlevel = 'info'\n[[stream]]\nlisten = '127.0.0.1:0'\nmax-clients = 100",
    );
    let (mut quick, _) = agent.request("{}");
    let address = agent.address();
    let flood = std::thread::spawn(move || {
        for _ in 0..1000 {
            // The system refuses some if too many are waiting.
            let _ = TcpStream::connect(address);
        }
    });
    let mut last = None;
    while !flood.is_finished() || last.is_none() {
        agent.events("tick");
        let event = quick.event();
        assert!(last.is_none_or(|last| event == last + 1));
        last = Some(event);
    }
    flood.join().unwrap();
    // They have closed; the agent detects that by sending each a line or two.
    loop {
        let mut client = Client::new(TcpStream::connect(address).unwrap());
        client.send("{}");
        if client.json().get("hello").is_some() {
            break;
        }
        agent.events("tick");
        quick.event();
    }
    let log = agent.rest_of_log();
    assert!(log.len() < 10, "{log:#?}");
}
