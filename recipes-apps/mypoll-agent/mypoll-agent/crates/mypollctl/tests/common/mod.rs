// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shared by the tests of `--connect`.

#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    thread::{self, JoinHandle},
};

use assert_cmd::{Command, cargo::cargo_bin_cmd};

/// The greeting of an agent in a session whose next event is this one.
pub fn hello(session: u64, next: u64) -> String {
    format!(
        r#"{{"hello":{{"protocol":1,"agent":"9.9","machine":"m","boot":"b","session":"{session:016x}","next":{next}}}}}"#
    )
}

/// An event.
pub fn event(number: u64) -> String {
    format!(
        r#"{{"event":{number},"source":"gpio","kind":"rising","line":1,"label":"door","value":1,"lost":0,"time":"2026-11-28T13:39:10.123456Z","timestamp_ns":"48213377104"}}"#
    )
}

/// The behaviour of an agent once it has answered the request.
pub enum Then {
    Close,
    /// Sends nothing more, and leaves the connection open.
    Silence,
}

/// An agent with one connection per answer. Its result is the request on each.
pub struct Agent {
    pub address: String,
    requests: JoinHandle<Vec<String>>,
}

impl Agent {
    pub fn start<const N: usize>(answers: [(&[String], Then); N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = answers.map(|(lines, then)| (lines.join("\n") + "\n", then));
        let requests = thread::spawn(move || {
            let mut open = Vec::new();
            let requests = answers.map(|(answer, then)| {
                let (stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request = lines.next().unwrap().unwrap();
                (&stream).write_all(answer.as_bytes()).unwrap();
                if matches!(then, Then::Silence) {
                    open.push(lines);
                }
                request
            });
            // Until the client disconnects.
            open.into_iter().flatten().for_each(drop);
            requests.into()
        });
        Self { address, requests }
    }

    pub fn ctl(&self) -> Command {
        let mut command = cargo_bin_cmd!("mypollctl");
        command.args(["--connect", &self.address]);
        command
    }

    pub fn requests(self) -> Vec<String> {
        self.requests.join().unwrap()
    }
}
