// SPDX-License-Identifier: MIT OR Apache-2.0
//! Agents that vanish silently: a board without power, a program that hangs.

mod common;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::{Agent, Then, event, hello};

/// Ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn silence_breaks_the_connection_with_reconnect() {
    let agent = Agent::start([
        (&[hello(1, 27), event(27)], Then::Silence),
        (&[hello(1, 28), event(28)], Then::Silence),
    ]);
    let assert = agent
        .ctl()
        .args(["monitor", "--json", "--reconnect", "--silence", "100ms"])
        .args(["--count", "2"])
        .assert()
        .success();
    let output = assert.get_output();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed, format!("{}\n{}\n", event(27), event(28)));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "mypollctl: no data for 100ms; connecting again\n");
    assert!(agent.requests()[1].contains(r#""event":27"#));
}

#[test]
fn the_system_sends_keepalives_to_the_board() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut monitor = Command::new(env!("CARGO_BIN_EXE_mypollctl"))
        .args(["--connect", &address, "monitor"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stream, client) = listener.accept().unwrap();
    BufReader::new(&stream)
        .read_line(&mut String::new())
        .unwrap();
    writeln!(stream, "{}", hello(1, 27)).unwrap();
    let start = Instant::now();
    while !has_keepalive_timer(client) {
        assert!(start.elapsed() < LONG, "it sends no keepalives");
        thread::yield_now();
    }
    drop(stream);
    monitor.wait().unwrap();
}

/// Whether this end of a connection has a keepalive timer (Documentation/networking/proc_net_tcp.rst).
fn has_keepalive_timer(end: SocketAddr) -> bool {
    let SocketAddr::V4(end) = end else {
        unreachable!("it is 127.0.0.1")
    };
    let local = format!(
        "{:08X}:{:04X}",
        u32::from_ne_bytes(end.ip().octets()),
        end.port()
    );
    fs::read_to_string("/proc/net/tcp")
        .unwrap()
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .any(|words| words[1] == local && words[5].starts_with("02:"))
}
