// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client that does not read must not affect the others.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::{LazyLock, Mutex};
use std::{iter, thread};

use lab::vm::client::{Client, Message};
use socket2::{Domain, Socket, Type};
use system_tests::{Agent, Shared, TIMEOUT, boot, lock, sh};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("clients", true)));

/// The capacity of the driver's queue.
const BURST: u32 = 16;

/// More than fit into all buffers between the agent and a client that does not read.
const BURSTS: u32 = 300;

/// A connection with a minimal receive buffer.
fn narrow(agent: std::net::SocketAddr) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    // Small segments also keep QEMU's buffer for the connection small.
    socket.set_tcp_mss(536).unwrap();
    socket.connect(&agent.into()).unwrap();
    Client::greet(TcpStream::from(socket)).unwrap()
}

#[test]
fn a_stalled_client_delays_no_other_and_learns_what_it_missed() {
    let machine = lock(&MACHINE);
    sh(
        &machine,
        "echo '4096 8192 8192' >/proc/sys/net/ipv4/tcp_wmem",
    );
    let _agent = Agent::start(&machine, "[journal]\nmemory = 65536");
    let address = machine.agent().unwrap();
    let connect = || Client::connect(address).unwrap();
    let (mut stalled, mut one, mut other) = (narrow(address), connect(), connect());

    // For each line that the guest reads it triggers a burst of events.
    let (bursts, mut order) = UnixStream::pair().unwrap();
    let guest = machine.guest();
    let last = thread::scope(|scope| {
        let triggers = "echo trigger;".repeat(BURST as usize);
        let script = format!("while read -r burst; do {{ {triggers} }} >/dev/mypoll || exit; done");
        let triggering = scope.spawn(move || {
            guest.run(
                ["sh", "-c", &script],
                Some(Box::new(bursts)),
                &mut Vec::new(),
                &mut Vec::new(),
            )
        });
        let mut last = 0;
        for _ in 0..BURSTS {
            order.write_all(b"burst\n").unwrap();
            for _ in 0..BURST {
                // They must arrive although the stalled client's buffers become full at some point.
                let event = one.event(TIMEOUT).unwrap();
                assert_eq!(event, other.event(TIMEOUT).unwrap());
                assert!(
                    last == 0 || event.event == last + 1,
                    "{event:?} after {last}"
                );
                last = event.event;
            }
        }
        drop(order);
        assert_eq!(triggering.join().unwrap().unwrap(), 0);
        last
    });

    // The stalled client now receives the stored events in order, and the gaps with their sizes.
    let first = last + 1 - u64::from(BURSTS * BURST);
    let mut next = first;
    let mut missed = 0;
    while next <= last {
        match stalled.next(TIMEOUT).unwrap().message {
            Message::Event(event) => {
                assert_eq!(event.event, next);
                next += 1;
            }
            Message::Missed(gap) => {
                missed += gap.missed;
                next += gap.missed;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(
        missed > 0,
        "all {} events fit into the buffers",
        BURSTS * BURST
    );
    assert_eq!(next, last + 1, "more events than were sent");
}

#[test]
fn all_events_are_sent_after_sigterm() {
    let machine = lock(&MACHINE);
    let agent = Agent::start(&machine, "");
    let mut client = Client::connect(machine.agent().unwrap()).unwrap();
    // All events are still queued somewhere when the signal arrives: the client has not read any.
    sh(
        &machine,
        "for event in $(seq 200); do echo trigger >/dev/mypoll; done
        kill -TERM $(cat /run/mypoll-agent.pid)",
    );
    let events: Vec<_> = iter::from_fn(|| match client.event(TIMEOUT) {
        Ok(event) => Some(event.event),
        Err(error) => {
            assert_eq!(error.to_string(), "the agent closed the connection");
            None
        }
    })
    .collect();
    let first = events[0];
    assert_eq!(events, (first..first + 200).collect::<Vec<_>>());
    drop(client);
    assert_eq!(agent.status(), "0");
}
