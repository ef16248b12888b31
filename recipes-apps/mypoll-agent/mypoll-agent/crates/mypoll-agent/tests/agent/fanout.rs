// SPDX-License-Identifier: MIT OR Apache-2.0
//! What clients get: all of it, in order, whatever the other clients do.

use crate::harness::{Client, Server, json};
use mypoll_agent::config::Tcp;
use tokio::io::AsyncWriteExt as _;

fn queue(queue: usize) -> Tcp {
    Tcp {
        queue,
        ..Tcp::default()
    }
}

/// The number in `{"missed":N,"lost":0}`.
fn missed(line: &str) -> Option<u32> {
    line.strip_prefix("{\"missed\":")?
        .strip_suffix(",\"lost\":0}")?
        .parse()
        .ok()
}

#[tokio::test]
async fn three_clients_get_the_same_events() {
    let server = Server::start(Tcp::default()).await;
    let mut clients = [
        server.connect().await,
        server.connect().await,
        server.connect().await,
    ];
    for sequence in 1..=100 {
        server.send(sequence);
    }
    for client in &mut clients {
        for sequence in 1..=100 {
            assert_eq!(client.line().await, Some(json(sequence)));
        }
    }
}

#[tokio::test]
async fn a_burst_does_not_overrun_a_client_that_keeps_up() {
    let server = Server::start(queue(1)).await;
    let mut client = server.connect().await;
    for sequence in 1..=1000 {
        server.send(sequence);
    }
    for sequence in 1..=1000 {
        assert_eq!(client.line().await, Some(json(sequence)));
    }
}

#[tokio::test]
async fn a_client_gets_what_happens_from_its_connection_on() {
    let server = Server::start(Tcp::default()).await;
    let mut early = server.connect().await;
    server.send(1);
    assert_eq!(early.line().await, Some(json(1)));
    let mut late = server.connect().await;
    server.send(2);
    assert_eq!(late.line().await, Some(json(2)));
    assert_eq!(early.line().await, Some(json(2)));
}

/// Feeds `server` one event after the other, each taken by `quick`, until one that doesn't read must have missed some.
/// Returns the last sequence number.
async fn overrun(server: &Server, quick: &mut Client) -> u32 {
    // More than the system's smallest buffers of both sides and a queue of 4 hold.
    for sequence in 1..=2000 {
        server.send(sequence);
        assert_eq!(quick.line().await, Some(json(sequence)));
    }
    2000
}

#[tokio::test]
async fn a_stalled_client_misses_events_and_is_told_how_many_where() {
    let server = Server::start_with_small_buffers(queue(4));
    let mut stalled = server.connect_with_small_buffer().await;
    let mut quick = server.connect().await;
    let last = overrun(&server, &mut quick).await;

    // It reads again: whole lines, partial sends or not, each event or an account of it.
    let mut next = 1;
    let mut gap = false;
    while next <= last {
        let line = stalled.line().await.unwrap();
        match missed(&line) {
            Some(missed) => {
                gap = true;
                next += missed;
            }
            None => {
                assert_eq!(line, json(next));
                next += 1;
            }
        }
    }
    assert!(gap, "the buffers held everything");

    // And it is as good as any other from here on.
    server.send(last + 1);
    assert_eq!(stalled.line().await, Some(json(last + 1)));
    assert_eq!(quick.line().await, Some(json(last + 1)));
}

#[tokio::test]
async fn a_client_that_dies_is_left_and_its_place_is_free() {
    let server = Server::start_with_small_buffers(Tcp {
        max_clients: 2,
        ..queue(4)
    });
    let mut quick = server.connect().await;
    let dead = server.connect_with_small_buffer().await;
    overrun(&server, &mut quick).await;
    drop(dead);

    // Its end shows up on its socket, as an event of the loop's like the next connection.
    let mut sequence = 2000;
    loop {
        let mut client = server.connect().await;
        sequence += 1;
        server.send(sequence);
        let line = client.line().await.unwrap();
        assert_eq!(quick.line().await, Some(json(sequence)));
        if line == json(sequence) {
            break;
        }
        assert!(line.starts_with("{\"error\":"), "{line}");
    }
}

#[tokio::test]
async fn what_a_client_sends_is_thrown_away() {
    let server = Server::start(Tcp::default()).await;
    let mut client = server.connect().await;
    let (_, mut writer) = client.0.get_mut().split();
    // More than the buffers of both sides hold: it is really read.
    writer.write_all(&vec![b'\n'; 16 << 20]).await.unwrap();
    server.send(1);
    assert_eq!(client.line().await, Some(json(1)));
}

#[tokio::test]
async fn one_client_too_many_is_told_so() {
    let server = Server::start(Tcp {
        max_clients: 2,
        ..Tcp::default()
    })
    .await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    let mut third = server.connect().await;
    assert_eq!(
        third.rest().await,
        ["{\"error\":\"2 clients are connected, which is the limit (max-clients)\"}"]
    );
    server.send(1);
    assert_eq!(first.line().await, Some(json(1)));
    assert_eq!(second.line().await, Some(json(1)));
}
