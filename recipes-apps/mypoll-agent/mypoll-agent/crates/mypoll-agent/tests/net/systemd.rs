// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sockets that are passed as by systemd.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use tempfile::TempDir;

use crate::common::DEADLINE;

/// An agent, killed on drop.
struct Activated(Child);

impl Drop for Activated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts an agent that gets `socket` as descriptor 3, with the name `mypoll`.
fn start(directory: &TempDir, socket: TcpListener) -> Activated {
    let fifo = directory.path().join("events");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let path = directory.path().join("agent.toml");
    let text = format!(
        "[[stream]]\nlisten = 'systemd:mypoll'\n[simulated]\npath = '{}'\n",
        fifo.display()
    );
    fs::write(&path, text).unwrap();
    let script =
        "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=mypoll exec \"$@\"";
    let agent = Command::new("sh")
        .args([
            "-c",
            script,
            "sh",
            env!("CARGO_BIN_EXE_mypoll-agent"),
            "--config",
        ])
        .arg(path)
        .stdin(OwnedFd::from(socket))
        .stderr(Stdio::piped())
        .spawn();
    Activated(agent.unwrap())
}

#[test]
fn it_listens_on_a_passed_socket() {
    let directory = tempfile::tempdir().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let _agent = start(&directory, socket);
    // The connection waits in the socket until the agent runs.
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client.write_all(b"{}\n").unwrap();
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).unwrap();
    assert!(line.contains("\"hello\""), "{line}");
}

#[test]
fn a_passed_socket_for_other_machines_requires_protection() {
    let directory = tempfile::tempdir().unwrap();
    let mut agent = start(&directory, TcpListener::bind("0.0.0.0:0").unwrap());
    assert_eq!(agent.0.wait().unwrap().code(), Some(1));
    let said = BufReader::new(agent.0.stderr.take().unwrap());
    let said: Vec<_> = said.lines().map_while(Result::ok).collect();
    let said = said.join("\n");
    assert!(
        said.contains("systemd:mypoll (listen): other machines can connect to 0.0.0.0:"),
        "{said}"
    );
}
