// SPDX-License-Identifier: MIT OR Apache-2.0
//! How connections end: with the agent, or with the source.

use std::{future, sync::Arc, time::Duration};

use crate::harness::{DEADLINE, Server, event, json};
use mypoll::Event;
use mypoll_agent::{
    config::Tcp,
    fanout::Fanout,
    server,
    source::{EventSource, SourceError},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{self, Instant},
};

#[tokio::test]
async fn what_is_queued_is_delivered_before_the_end() {
    let server = Server::start_with_small_buffers(Tcp {
        drain_timeout: DEADLINE,
        ..Tcp::default()
    });
    let address = server.address;
    let mut quick = server.connect().await;
    let mut slow = server.connect_with_small_buffer().await;
    // The source still has the last ones when the server is told to end.
    for sequence in 1..=100 {
        server.send(sequence);
    }
    let task = server.shut_down();

    let expected: Vec<_> = (1..=100).map(json).collect();
    assert_eq!(quick.rest().await, expected);
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!task.is_finished(), "it did not wait for the slow client");
    assert_eq!(slow.rest().await, expected);
    drop((quick, slow));
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_delays_the_end_by_the_drain_timeout() {
    let tcp = Tcp {
        drain_timeout: Duration::from_secs(2),
        ..Tcp::default()
    };
    let server = Server::start_with_small_buffers(tcp);
    let mut quick = server.connect().await;
    let _stalled = server.connect_with_small_buffer().await;
    for sequence in 1..=256 {
        server.send(sequence);
        assert_eq!(quick.line().await, Some(json(sequence)));
    }
    // From here on nothing but the drain timeout can happen, so the clock may jump to it.
    time::pause();
    let start = Instant::now();
    server.shut_down().await.unwrap().unwrap();
    assert_eq!(start.elapsed().as_secs(), 2);
}

/// A source that always has an event: a line that bounces, a timer faster than the agent.
struct Endless;

impl EventSource for Endless {
    async fn next(&mut self) -> Result<Event, SourceError> {
        Ok(event(1))
    }

    fn try_next(&mut self) -> Result<Option<Event>, SourceError> {
        Ok(Some(event(1)))
    }
}

#[tokio::test]
async fn a_source_that_never_rests_delays_the_end_by_the_drain_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = Tcp {
        drain_timeout: Duration::from_millis(100),
        ..Tcp::default()
    };
    let fanout = Fanout::new(4, Arc::default());
    let server = server::run(listener, Endless, fanout, &tcp, future::ready(()));
    time::timeout(DEADLINE, server)
        .await
        .expect("it did not end")
        .unwrap();
}

#[tokio::test]
async fn a_failing_source_ends_the_server_after_its_clients_got_everything() {
    let server = Server::start(Tcp::default()).await;
    let mut client = server.connect().await;
    server.send(1);
    server
        .events
        .send(Err(SourceError::Device(mypoll::Error::EndOfFile)))
        .unwrap();
    assert_eq!(client.rest().await, [json(1)]);
    drop(client);
    assert!(matches!(
        server.task.await.unwrap(),
        Err(SourceError::Device(mypoll::Error::EndOfFile))
    ));
}
