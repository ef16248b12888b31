// SPDX-License-Identifier: MIT OR Apache-2.0
//! An unread log does not block the agent.

mod common;

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStderr, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::{Client, DEADLINE};
use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::{
        signal::{Signal, kill},
        stat::Mode,
    },
    unistd::{Pid, mkfifo},
};

/// More lines than the log queues and the pipe holds: each connection logs two.
const CONNECTIONS: usize = 1500;

struct Agent {
    child: Child,
    log: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl Agent {
    /// Starts one, and reads its log until it listens.
    fn start(configuration: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mypoll-agent"))
            .arg("--config")
            .arg(configuration)
            .env_remove("MYPOLL_AGENT_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        // The smallest capacity of a pipe.
        fcntl(&stderr, FcntlArg::F_SETPIPE_SZ(1)).unwrap();
        let mut log = BufReader::new(stderr);
        let mut line = String::new();
        while !line.contains("listening on ") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended");
        }
        let address = line.trim_end().rsplit(' ').next().unwrap();
        Self {
            child,
            log,
            address: address.parse().unwrap(),
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_unread_log_delays_neither_events_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("events");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let configuration = folder.path().join("agent.toml");
    let text = format!(
        "log.level = 'debug'\n[[stream]]\nlisten = '127.0.0.1:0'\n[simulated]\npath = {fifo:?}\n"
    );
    fs::write(&configuration, text).unwrap();
    // Also open for reading, so that opening doesn't wait for a reader.
    let mut fifo = File::options().read(true).write(true).open(fifo).unwrap();
    let mut agent = Agent::start(&configuration);
    for _ in 0..CONNECTIONS {
        let mut client = Client::new(TcpStream::connect(agent.address).unwrap());
        // A refused connection is closed.
        client.send("x");
        assert_eq!(client.rest().len(), 1);
    }
    let mut client = Client::new(TcpStream::connect(agent.address).unwrap());
    client.send("{}");
    assert!(client.json()["hello"].is_object());
    fifo.write_all(b"rising 0\n").unwrap();
    assert_eq!(client.event(), 1);
    drop(client);

    kill(
        Pid::from_raw(agent.child.id().try_into().unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    let end = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = agent.child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "it did not end");
        thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success(), "{status}");
    // Otherwise all lines fit.
    let mut rest = String::new();
    agent.log.read_to_string(&mut rest).unwrap();
    assert!(rest.lines().count() < CONNECTIONS, "{rest}");
}
