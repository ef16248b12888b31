// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks whether an agent answers, and the state of its parts.

use std::io::{self, ErrorKind};

use anyhow::Result;
use mypoll_protocol::{Message, Request};
use serde_json::Value;

use super::Finding;
use crate::remote::{Address, Client, Target};

/// Default addresses of the agent: the Debian package's, and the built-in one.
fn usual() -> [Address; 2] {
    [
        Address::Unix("/run/mypoll-agent/events.sock".into()),
        Address::Tcp("127.0.0.1:7070".into()),
    ]
}

/// The result of the search for an agent.
pub(super) struct Agent {
    pub(super) findings: Vec<Finding>,
    /// The state of each part; null if unknown.
    status: Value,
}

impl Agent {
    /// Whether it has a working source of events.
    pub(super) fn has_source(&self) -> bool {
        self.status["source"]["state"] == "working"
    }
}

/// Queries the agent of `--connect`, or the first one on this machine that answers.
pub(super) fn examine(target: &Target) -> Agent {
    match &target.connect {
        Some(_) => ask(target).unwrap_or_else(|error| Agent {
            findings: vec![Finding::problem(
                "agent",
                format!("{error:#}"),
                cure(&error),
            )],
            status: Value::Null,
        }),
        None => look(target, usual()),
    }
}

fn look(target: &Target, addresses: [Address; 2]) -> Agent {
    let (mut tried, mut todo) = (Vec::new(), NOT_THERE);
    for address in addresses {
        let target = Target {
            connect: Some(address),
            ..target.clone()
        };
        match ask(&target) {
            Ok(agent) => return agent,
            Err(error) => {
                tried.push(format!("{error:#}"));
                // The error of an agent that refuses this client says more than that of a missing one.
                if todo == NOT_THERE {
                    todo = cure(&error);
                }
            }
        }
    }
    let found = format!("none answers: {}", tried.join("; "));
    Agent {
        findings: vec![Finding::warning("agent", found, todo)],
        status: Value::Null,
    }
}

fn ask(target: &Target) -> Result<Agent> {
    let request = Request {
        status: true,
        events: false,
        ..Request::default()
    };
    let mut client = Client::connect(target, &request)?;
    let address = target.connect.as_ref().map(Address::to_string);
    let found = format!(
        "{}: version {}",
        address.unwrap_or_default(),
        client.hello().agent
    );
    let mut findings = vec![Finding::ok("agent", found)];
    // Older agents do not report the state of their parts.
    let status = loop {
        match client.answer() {
            Ok(Message::Status { status }) => break status,
            Ok(_) => {}
            Err(_) => break Value::Null,
        }
    };
    findings.extend(parts(&status));
    Ok(Agent { findings, status })
}

fn parts(status: &Value) -> Vec<Finding> {
    const CURE: &str = "fix that; the agent retries by itself";
    let parts = status.as_object().into_iter().flatten();
    parts
        .filter_map(
            |(name, part)| match (name.as_str(), part["state"].as_str()) {
                ("source", Some("working")) => {
                    Some(Finding::ok("source", "the agent's source works"))
                }
                (_, Some("waiting")) => {
                    let found = format!("waits: {}", part["reason"].as_str().unwrap_or("?"));
                    Some(match name.as_str() {
                        "source" => Finding::problem("source", found, CURE),
                        _ => Finding::warning(name.clone(), found, CURE),
                    })
                }
                _ => None,
            },
        )
        .collect()
}

const NOT_THERE: &str =
    "start the agent, `systemctl start mypoll-agent`, or give its address by --connect";

/// How to fix an agent that did not answer.
fn cure(error: &anyhow::Error) -> &'static str {
    let kind = error.root_cause().downcast_ref().map(io::Error::kind);
    match kind {
        Some(ErrorKind::NotFound | ErrorKind::ConnectionRefused) => NOT_THERE,
        Some(ErrorKind::PermissionDenied) => {
            "add the user to the group mypoll, and log in again: usermod -a -G mypoll USER"
        }
        // A message of the agent, or a certificate error.
        None | Some(ErrorKind::InvalidData) => {
            "authenticate: use --token-file, or tls: and --ca; `journalctl -u mypoll-agent` may say more"
        }
        Some(_) => "check the address and the network",
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        os::unix::net::UnixListener,
        thread,
    };

    use clap::Parser as _;

    use super::*;
    use crate::cmd::{Cli, doctor::State};

    fn target() -> Target {
        Cli::parse_from(["mypollctl", "doctor"]).target
    }

    /// An agent with only a Unix socket that sends this answer.
    fn look_at(answer: &'static str) -> Agent {
        let directory = tempfile::tempdir().unwrap();
        let paths = [0, 1].map(|number| directory.path().join(number.to_string()));
        let listener = UnixListener::bind(&paths[1]).unwrap();
        let serving = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            lines.next().unwrap().unwrap();
            writeln!(&stream, "{answer}").unwrap();
            while let Some(Ok(_)) = lines.next() {}
        });
        let found = look(&target(), paths.map(Address::Unix));
        serving.join().unwrap();
        found
    }

    #[test]
    fn an_agent_with_only_a_unix_socket_is_found() {
        let found = look_at(concat!(
            r#"{"hello":{"protocol":1,"agent":"9.9","machine":"m","boot":"b","session":"s","next":1}}"#,
            "\n",
            r#"{"status":{"source":{"state":"working"}}}"#
        ));
        assert!(found.has_source());
        assert!(found.findings[0].found.ends_with("/1: version 9.9"));
    }

    #[test]
    fn an_agent_that_refuses_access_is_not_missing() {
        let found = look_at(r#"{"error":"a token is needed"}"#);
        assert!(!found.has_source());
        let [finding] = &found.findings[..] else {
            panic!("{:?}", found.findings)
        };
        assert_eq!(finding.state, State::Warning);
        assert!(finding.found.contains("a token is needed"), "{finding:?}");
        let cure = finding.cure.as_ref().unwrap();
        assert!(cure.contains("--token-file"), "{cure}");
    }
}
