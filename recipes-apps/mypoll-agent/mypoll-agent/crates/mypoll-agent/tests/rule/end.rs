// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of an agent whose server currently accepts nothing.

use std::fs;

use nix::sys::signal::Signal;

use super::{
    Agent,
    server::{Reply, Server},
    wait_for,
    webhook::{edges, next, rule},
};

#[test]
fn it_waits_for_the_server_while_events_are_in_memory_only() {
    let server = Server::start();
    let mut agent = Agent::start(&format!(
        "agent.drain-timeout = '1h'\njournal.path = 'DIRECTORY/journal'\n{}",
        rule(&server, "")
    ));
    let first = next(&agent);
    let (mut client, _) = agent.request("{}");
    // Nothing can be written there from now on.
    let journal = agent.directory().join("journal");
    fs::rename(&journal, agent.directory().join("elsewhere")).unwrap();
    fs::write(&journal, "").unwrap();
    server.otherwise(Some(Reply::Status(503, "")));
    edges(&mut agent, 2);
    agent.wait_for_log("journal: cannot write");
    agent.signal(Signal::SIGTERM);
    // The journal has ended, and nothing is delivered.
    client.rest();
    drop(client);
    let before = server.requests().len();
    wait_for("further attempts", || {
        (server.requests().len() >= before + 3).then_some(())
    });
    server.otherwise(None);
    assert!(agent.status().success());
    let mut taken = server.taken();
    taken.dedup();
    assert_eq!(taken, [first, first + 1]);
}
