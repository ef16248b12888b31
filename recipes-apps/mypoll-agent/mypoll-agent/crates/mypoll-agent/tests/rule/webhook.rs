// SPDX-License-Identifier: MIT OR Apache-2.0
//! Servers that fail, hang, stop and return: every event arrives, in order.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path, time::Instant};

use nix::sys::signal::Signal;

use super::{
    Agent, DEADLINE, reload,
    server::{Reply, Server},
    status, wait_for, wait_for_counts,
};

/// A rule `hook` that posts to this server, and tries quickly.
pub(super) fn rule(server: &Server, keys: &str) -> String {
    format!(
        "[[rule]]
        name = 'hook'
        webhook = {{ url = 'http://{}/bell?room=1', longest-pause = '20ms'{keys} }}
        ",
        server.address
    )
}

/// Produces `count` edges.
pub(super) fn edges(agent: &mut Agent, count: usize) {
    let edges: Vec<_> = ["rising 0", "falling 0"]
        .into_iter()
        .cycle()
        .take(count)
        .collect();
    agent.events(&edges.join("\n"));
}

/// The number of the next event, after the levels of both lines at the first start.
pub(super) fn next(agent: &Agent) -> u64 {
    wait_for("the levels", || {
        let (_, hello) = agent.request(r#"{"events":false}"#);
        hello["next"].as_u64().filter(|next| *next > 2)
    })
}

#[test]
fn an_event_is_posted_in_the_clients_format() {
    let server = Server::start();
    let mut agent = Agent::start(&format!("agent.machine = 'kitchen'\n{}", rule(&server, "")));
    next(&agent);
    let (mut client, hello) = agent.request("{}");
    agent.events("rising 1 7 @123");
    let event = client.json();
    server.wait_for(event["event"].as_u64().unwrap());
    let [request] = &server.requests()[..] else {
        panic!("{:?}", server.requests());
    };
    assert_eq!(request.head[0], "POST /bell?room=1 HTTP/1.1");
    assert_eq!(
        request.header("host"),
        Some(server.address.to_string().as_str())
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    let mut body = request.body.clone();
    for (key, value) in event.as_object().unwrap() {
        assert_eq!(body[key].take(), *value, "{key}");
    }
    assert_eq!(
        (&body["rule"], &body["machine"]),
        (&"hook".into(), &"kitchen".into())
    );
    assert_eq!(
        (&body["session"], &body["boot"]),
        (&hello["session"], &hello["boot"])
    );
}

#[test]
fn every_event_arrives_in_order_whatever_the_server_does() {
    let server = Server::start();
    server.replies([
        Reply::Status(503, ""),
        Reply::Close,
        Reply::Hang,
        Reply::Status(200, ""),
        Reply::Status(302, "Location: /elsewhere\r\n"),
        Reply::Status(429, "Retry-After: 0\r\n"),
        Reply::Status(404, "Connection: close\r\n"),
        Reply::Status(200, "Connection: close\r\n"),
        Reply::Close,
    ]);
    let mut agent = Agent::start(&rule(&server, ", timeout = '500ms'"));
    let first = next(&agent);
    edges(&mut agent, 50);
    server.wait_for(first + 49);
    // On a busy machine an answer may come after the timeout, and the event is repeated.
    let mut taken = server.taken();
    taken.dedup();
    assert!(taken.iter().copied().eq(first..first + 50), "{taken:?}");
    wait_for_counts(
        &agent,
        "hook",
        &[("matched", 50), ("done", 50), ("failed", 0), ("missed", 0)],
    );
    let status = status(&agent, "hook");
    assert!(status["retried"].as_u64() >= Some(5), "{status}");
    assert_eq!(status["state"], "working");
    for text in [
        "the server answers 503 Service Unavailable; retrying",
        "did not answer",
        "did not answer within 500ms",
        r#"the server answers 302 Found to "/elsewhere", which is not followed: set `url` to it"#,
        "delivering again",
    ] {
        agent.wait_for_log(text);
    }
}

#[test]
fn a_server_that_returns_gets_everything() {
    let server = Server::start();
    let address = server.address;
    let mut agent = Agent::start(&rule(&server, ""));
    let first = next(&agent);
    edges(&mut agent, 10);
    server.wait_for(first + 9);
    let mut taken = server.taken();
    drop(server);
    edges(&mut agent, 10);
    let waits = || {
        let status = status(&agent, "hook");
        let reason = status["reason"].as_str()?.to_owned();
        (status["retried"].as_u64() >= Some(3)).then_some(reason)
    };
    let reason = wait_for("it does not wait", waits);
    assert!(reason.contains("Connection refused"), "{reason}");
    let server = Server::at(address);
    server.wait_for(first + 19);
    taken.extend(server.taken());
    assert!(taken.into_iter().eq(first..first + 20));
}

#[test]
fn a_permanently_refused_event_is_skipped() {
    let server = Server::start();
    server.replies([200, 422, 400, 413, 415].map(|status| Reply::Status(status, "")));
    let mut agent = Agent::start(&rule(&server, ""));
    let first = next(&agent);
    edges(&mut agent, 7);
    server.wait_for(first + 6);
    assert_eq!(server.taken(), [first, first + 5, first + 6]);
    agent.wait_for_log("the server answers 422 Unprocessable Entity; skipping it");
    wait_for_counts(
        &agent,
        "hook",
        &[("done", 3), ("failed", 4), ("retried", 0)],
    );
}

#[test]
fn only_matching_events_are_posted() {
    let server = Server::start();
    let when = "when = { kind = ['falling', 'level'], label = 'door' }\n";
    let mut agent = Agent::start(&(rule(&server, "") + when));
    agent.events("rising 1\nfalling 0\nfalling 1\ntick\ntrigger");
    let kinds = |server: &Server| -> Vec<_> {
        let requests = server.requests().into_iter();
        requests
            .map(|request| request.body["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    wait_for("the edge", || {
        kinds(&server).contains(&"falling".to_owned()).then_some(())
    });
    assert_eq!(kinds(&server), ["level", "falling"]);
}

fn secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_secret_is_sent_and_read_again_when_it_is_refused() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    secret(&path, "Bearer one\n");
    let keys = format!(", secret = {{ file = '{}' }}", path.display());
    let mut agent = Agent::start(&rule(&server, &keys));
    let first = next(&agent);
    edges(&mut agent, 1);
    server.wait_for(first);
    server.otherwise(Some(Reply::Status(401, "")));
    edges(&mut agent, 1);
    agent.wait_for_log("the server answers 401 Unauthorized");
    secret(&path, "Bearer two");
    let sent = |server: &Server| {
        let requests = server.requests();
        requests.last()?.header("authorization").map(str::to_owned)
    };
    wait_for("the new secret", || {
        (sent(&server)? == "Bearer two").then_some(())
    });
    server.otherwise(None);
    server.wait_for(first + 1);
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some("Bearer one")
    );
    // Neither the log nor the state repeats it.
    let log = agent.rest_of_log();
    assert!(!log.iter().any(|line| line.contains("Bearer")), "{log:#?}");
}

#[test]
fn a_server_that_hangs_delays_nobody() {
    let (slow, quick) = (Server::start(), Server::start());
    slow.otherwise(Some(Reply::Hang));
    let other = rule(&quick, "").replace("'hook'", "'quick'");
    let mut agent = Agent::start(&(rule(&slow, ", timeout = '1h'") + &other));
    let first = next(&agent);
    let (mut client, _) = agent.request("{}");
    edges(&mut agent, 20);
    quick.wait_for(first + 19);
    assert!((first..first + 20).all(|number| client.event() == number));
    wait_for_counts(&agent, "hook", &[("matched", 1), ("done", 0)]);
    // A changed rule continues with the same event.
    slow.otherwise(None);
    reload(&mut agent, |text| text.replace("'1h'", "'10s'"));
    slow.wait_for(first + 19);
    assert!(
        slow.taken().into_iter().eq(first..first + 20),
        "{:?}",
        slow.taken()
    );
}

#[test]
fn a_new_rule_ignores_earlier_events() {
    let server = Server::start();
    let mut agent = Agent::start("journal.path = 'DIRECTORY/journal'");
    let first = next(&agent);
    let (mut client, _) = agent.request("{}");
    edges(&mut agent, 10);
    assert!((first..first + 10).all(|number| client.event() == number));
    reload(&mut agent, |text| text + &rule(&server, ""));
    edges(&mut agent, 3);
    server.wait_for(first + 12);
    assert_eq!(server.taken(), [first + 10, first + 11, first + 12]);
}

#[test]
fn at_the_end_undelivered_events_stay_in_the_journal() -> io::Result<()> {
    let server = Server::start();
    let address = server.address;
    let configuration = format!(
        "agent.drain-timeout = '50s'\njournal.path = 'DIRECTORY/journal'\n{}",
        rule(&server, "")
    );
    let mut agent = Agent::start(&configuration);
    let first = next(&agent);
    edges(&mut agent, 5);
    server.wait_for(first + 4);
    drop(server);
    edges(&mut agent, 5);
    agent.wait_for_log("Connection refused");
    let begin = Instant::now();
    agent.signal(Signal::SIGTERM);
    agent.wait_for_log("undelivered events stay in the journal until the next start");
    assert!(agent.status().success());
    assert!(begin.elapsed() < DEADLINE / 2, "it waited for the server");
    let server = Server::at(address);
    agent.kill_and_restart(&configuration);
    server.wait_for(first + 9);
    assert!(
        server
            .taken()
            .starts_with(&[first + 5, first + 6, first + 7, first + 8, first + 9])
    );
    Ok(())
}
