// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypollctl --connect` with a listener in place of the agent.

mod common;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    thread::{self, JoinHandle},
};

use assert_cmd::{Command, cargo::cargo_bin_cmd};

use common::event;

const HELLO: &str = r#"{"hello":{"protocol":1,"agent":"9.9","machine":"m","boot":"b","session":"00000000000000aa","next":27}}"#;

/// An agent that answers one line with each of its answers; its result is the received lines.
struct Agent {
    address: String,
    received: JoinHandle<Vec<String>>,
}

fn agent<const N: usize>(answers: [String; N]) -> Agent {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let received = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut received = Vec::new();
        for answer in answers {
            received.push(lines.next().unwrap().unwrap());
            writeln!(&stream, "{answer}").unwrap();
        }
        // Until the client disconnects.
        while let Some(Ok(_)) = lines.next() {}
        received
    });
    Agent { address, received }
}

impl Agent {
    fn ctl(&self) -> Command {
        let mut command = cargo_bin_cmd!("mypollctl");
        command.args(["--connect", &self.address]);
        command
    }

    fn received(self) -> Vec<String> {
        self.received.join().unwrap()
    }
}

#[test]
fn monitor_resumes_and_filters() {
    let agent = agent([format!(
        "{HELLO}\n{}\n{{\"later\":1}}\n{}",
        r#"{"missed":5,"lost":7}"#,
        event(27)
    )]);
    agent
        .ctl()
        .args(["monitor", "--since", "00000000000000aa-21", "--label", "door", "--count", "1", "--wall-clock"])
        .assert()
        .success()
        .stdout(
            "     EVENT SOURCE   KIND            LINE LABEL                    VALUE  LOST             TIME\n\
             5 events are missing here, and the driver lost 7\n\
             \u{20}       27 gpio     rising             1 door                         1     0 2026-11-28T13:39:10.123456Z\n",
        );
    assert_eq!(
        agent.received(),
        [
            r#"{"protocol":1,"filter":{"label":["door"]},"resume":{"session":"00000000000000aa","event":21}}"#
        ]
    );
}

#[test]
fn events_before_the_greeting_are_skipped() {
    let agent = agent([format!("{}\n{HELLO}\n{}", event(26), event(27))]);
    let assert = agent
        .ctl()
        .args(["monitor", "--json", "--count", "1"])
        .assert()
        .success();
    assert_eq!(
        String::from_utf8_lossy(&assert.get_output().stdout).trim(),
        event(27)
    );
}

#[test]
fn levels_and_orders() {
    let levels = r#"{"levels":[{"line":0,"label":"button","active":false},{"line":1,"label":"door","active":true}],"after":26}"#;
    let asked = agent([format!("{HELLO}\n{levels}")]);
    asked
        .ctl()
        .args(["get", "door"])
        .assert()
        .success()
        .stdout("1\n");
    assert_eq!(
        asked.received(),
        [r#"{"protocol":1,"levels":true,"events":false}"#]
    );

    let counted = levels.replace("true}", r#"true,"pulses":1207,"rate":0.2}"#);
    let asked = agent([format!("{HELLO}\n{counted}")]);
    asked.ctl().arg("lines").assert().success().stdout(
        "LINE LABEL                    LEVEL     PULSES PER SECOND\n\
         \u{20}  0 button                       0\n\
         \u{20}  1 door                         1       1207        0.2\n",
    );

    let asked = agent([format!("{HELLO}\n{levels}")]);
    let assert = asked.ctl().args(["get", "bell"]).assert().code(1);
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        said.contains("has no line `bell`; it has: 0 `button`, 1 `door`"),
        "{said}"
    );

    let ordered = agent([HELLO.to_owned(), r#"{"done":"trigger"}"#.to_owned()]);
    ordered
        .ctl()
        .args(["set", "led", "pulse", "--time", "1s"])
        .assert()
        .success()
        .stdout("");
    assert_eq!(
        ordered.received()[1],
        r#"{"order":{"output":{"pulse":{"name":"led","ms":1000}}}}"#
    );

    let refused = agent([
        HELLO.to_owned(),
        r#"{"error":"no output `led`"}"#.to_owned(),
    ]);
    let assert = refused.ctl().args(["set", "led", "on"]).assert().code(1);
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert_eq!(said, "mypollctl: the agent says: no output `led`\n");
}

#[test]
fn wait_ends_with_the_event_or_the_timeout() {
    let pressed = agent([format!("{HELLO}\n{}", event(27))]);
    let assert = pressed
        .ctl()
        .args(["wait", "door", "--edge", "rising", "--json"])
        .assert()
        .success();
    assert_eq!(
        String::from_utf8_lossy(&assert.get_output().stdout).trim(),
        event(27)
    );

    let silent = agent([HELLO.to_owned()]);
    silent
        .ctl()
        .args(["wait", "1", "--timeout", "50ms"])
        .assert()
        .code(124)
        .stdout("");
    assert!(silent.received()[0].contains(r#""line":[1]"#));
}

#[test]
fn non_agents_are_reported() {
    let other = agent(["220 mail ready".to_owned()]);
    let assert = other.ctl().arg("info").assert().code(1);
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        said.contains("expected a line of JSON, not `220 mail ready`"),
        "{said}"
    );

    let assert = cargo_bin_cmd!("mypollctl")
        .args(["set", "led", "on"])
        .assert()
        .code(1);
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        said.contains("--connect unix:/run/mypoll-agent/events.sock"),
        "{said}"
    );
}
