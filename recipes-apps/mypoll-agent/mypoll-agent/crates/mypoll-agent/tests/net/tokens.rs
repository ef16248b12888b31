// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens that change while the agent runs.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use mypoll_agent::net::{
    Role,
    token::{NewToken, new_token},
};
use nix::sys::signal::Signal;

use crate::common::Agent;

fn write(path: &Path, tokens: &str) {
    fs::write(path, tokens).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_reload_evicts_only_clients_whose_token_was_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens");
    let token = || new_token(Role::Read, "a client").unwrap();
    let (one, other) = (token(), token());
    write(&path, &format!("{}\n{}\n", one.line, other.line));
    let stream = format!(
        "[[stream]]\nlisten = '127.0.0.1:0'\ntokens = '{}'\n",
        path.display()
    );
    let mut agent = Agent::start(&stream);
    let request = |token: &NewToken| format!("{{\"token\":\"{}\"}}", token.secret);
    let (mut gone, _) = agent.request(&request(&one));
    let (mut stays, _) = agent.request(&request(&other));

    // An invalid file changes nothing.
    write(&path, &format!("{}\nnonsense\n", other.line));
    agent.signal(Signal::SIGHUP);
    let refused = agent.wait_for_log("keeping the old configuration");
    assert!(
        refused.contains("tokens:2: expected ROLE:HASH:COMMENT"),
        "{refused}"
    );
    agent.events("rising 0");
    assert_eq!(gone.json()["event"], stays.json()["event"]);

    write(&path, &format!("{}\n", other.line));
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("reloaded the configuration");
    // Its connection ends or is reset.
    assert!(!matches!(gone.try_line(), Ok(Some(line)) if line.contains("\"event\"")));
    agent.events("falling 0");
    assert_eq!(stays.json()["kind"], "falling");
    let mut late = agent.connect();
    late.send(&request(&one));
    assert!(late.json()["error"].is_string());
}
