// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIGKILL of the agent while it delivers: every event arrives at least once.

use std::collections::BTreeSet;

use super::{
    Agent,
    server::{Reply, Server},
    wait_for,
    webhook::{edges, next, rule},
};

const ROUNDS: usize = 6;
const EDGES: usize = 30;

#[test]
fn a_killed_agent_delivers_every_event_at_least_once() {
    let server = Server::start();
    let configuration = format!("journal.path = 'DIRECTORY/journal'\n{}", rule(&server, ""));
    let mut agent = Agent::start(&configuration);
    let first = next(&agent);
    for round in 0..ROUNDS {
        let before = server.requests().len();
        let taken = 7 * round;
        server.replies((0..taken).map(|_| Reply::Status(200, "")));
        // Killed while it waits for an answer.
        server.otherwise(Some(Reply::Hang));
        edges(&mut agent, EDGES);
        wait_for("the next request", || {
            (server.requests().len() > before + taken).then_some(())
        });
        agent.kill_and_restart(&configuration);
    }
    server.otherwise(None);
    let distinct = || server.taken().into_iter().collect::<BTreeSet<_>>();
    wait_for("every edge", || {
        (distinct().len() == ROUNDS * EDGES).then_some(())
    });
    assert_eq!(distinct().first(), Some(&first));
    let events = server.requests();
    let kinds = ["rising", "falling"];
    assert!(
        events
            .iter()
            .all(|request| kinds.iter().any(|kind| request.body["kind"] == *kind))
    );
    // In order, except for events that each new agent repeats.
    let pairs = events.windows(2);
    let back = pairs.filter(|pair| pair[0].event() > pair[1].event());
    assert!(back.count() <= ROUNDS, "{events:?}");
}
