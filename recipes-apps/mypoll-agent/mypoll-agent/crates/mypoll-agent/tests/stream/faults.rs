// SPDX-License-Identifier: MIT OR Apache-2.0
//! Misbehaving clients, which must not harm the others.

use std::{io::Write as _, net::TcpStream, time::Duration};

use socket2::SockRef;

use crate::common::{Agent, Client};

/// Produces `count` events, each of which the client gets.
fn happen(agent: &mut Agent, client: &mut Client, count: usize) -> u64 {
    let mut last = 0;
    for _ in 0..count / 100 {
        agent.events(&"tick\n".repeat(100));
        for _ in 0..100 {
            last = client.event();
        }
    }
    last
}

#[test]
fn a_stalled_client_delays_nobody_and_gets_a_gap() {
    let mut agent = Agent::start("");
    let (mut quick, _) = agent.request("{}");
    let (mut stalled, hello) = agent.request("{}");
    let last = happen(&mut agent, &mut quick, 40_000);

    let mut next = hello["next"].as_u64().unwrap();
    let (mut stale, mut missed) = (0, 0);
    while next <= last {
        let line = stalled.line().unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        match value["missed"].as_u64() {
            Some(count) => {
                assert_eq!((missed, &value["lost"]), (0, &0.into()), "{line}");
                missed = count;
                next += count;
            }
            None => {
                assert_eq!(value["event"], next);
                next += 1;
                if missed == 0 {
                    stale += line.len() + 1;
                }
            }
        }
    }
    // Data in the sockets of both sides, and events that the agent had taken from the journal.
    eprintln!("stale {stale} bytes, missed {missed}");
    assert!(missed > 0);
    assert!(stale < 512 << 10, "{stale} bytes were stale");
    let last = happen(&mut agent, &mut quick, 100);
    assert_eq!(stalled.event(), last - 99);
}

#[test]
fn silent_clients_and_incomplete_lines_delay_nobody() {
    let mut agent = Agent::start("");
    let _silent: Vec<_> = (0..20).map(|_| agent.connect()).collect();
    let _half: Vec<_> = (0..20)
        .map(|_| {
            let mut client = agent.connect();
            client.0.get_mut().write_all(b"{\"levels\":").unwrap();
            client
        })
        .collect();
    let (mut quick, _) = agent.request("{}");
    happen(&mut agent, &mut quick, 1000);
}

#[test]
fn an_endless_line_ends_the_connection() {
    let mut agent = Agent::start("");
    for begin in [&b"{"[..], b"{}\n", b"\n\n\n", b" "] {
        let mut client = agent.connect();
        let stream = client.0.get_mut();
        stream.write_all(begin).unwrap();
        let piece = vec![b'{'; 1 << 16];
        let sent = (0..1 << 30)
            .step_by(piece.len())
            .find(|_| stream.write_all(&piece).is_err());
        // Data in the buffers, and data that is discarded while the client may read the error.
        assert!(sent.is_some_and(|sent| sent < 32 << 20), "{sent:?}");
    }
    let (mut quick, _) = agent.request("{}");
    happen(&mut agent, &mut quick, 100);
}

#[test]
fn an_error_reaches_a_client_that_sent_too_much() {
    let agent = Agent::start("");
    let mut client = agent.connect();
    client.0.get_mut().write_all(&vec![b'{'; 100_000]).unwrap();
    let rest = client.rest();
    assert_eq!(rest.len(), 1);
    assert!(rest[0].contains("longer than 16384 bytes"), "{rest:?}");
    assert!(rest[0].len() < 200);
}

#[test]
fn other_protocols_and_garbage_get_the_expected_form() {
    let mut agent = Agent::start("");
    for (bytes, expected) in [
        (
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            "`GET / HTTP/1.1`",
        ),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS"),
        (b"\xff\xfe\x00\x01\n", "JSON object"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
    ] {
        let mut client = agent.connect();
        client.0.get_mut().write_all(bytes).unwrap();
        let rest = client.rest();
        assert!(rest.len() == 1 && rest[0].contains(expected), "{rest:?}");
    }
    let (mut quick, _) = agent.request("{}");
    happen(&mut agent, &mut quick, 100);
}

#[test]
fn a_reset_in_the_middle_of_a_line_frees_the_place() {
    let mut agent = Agent::start("[[stream]]\nlisten = '127.0.0.1:0'\nmax-clients = 2");
    let (mut quick, _) = agent.request("{}");
    let (mut stalled, _) = agent.request("{}");
    for _ in 0..3 {
        happen(&mut agent, &mut quick, 4000);
        let stream: TcpStream = stalled.0.into_inner();
        SockRef::from(&stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(stream);
        stalled = until_there_is_room(&agent);
    }
    happen(&mut agent, &mut quick, 100);
}

#[test]
fn a_client_that_closes_frees_the_place_without_an_event() {
    let agent =
        Agent::start("[[stream]]\nlisten = '127.0.0.1:0'\nmax-clients = 1\nheartbeat = '0s'");
    for _ in 0..3 {
        drop(agent.connect());
        until_there_is_room(&agent);
    }
}

/// The first client that is accepted.
fn until_there_is_room(agent: &Agent) -> Client {
    loop {
        let mut client = agent.connect();
        client.send("{}");
        let line = client.json();
        if line.get("hello").is_some() {
            return client;
        }
        assert!(
            line["error"].as_str().unwrap().contains("max-clients"),
            "{line}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
