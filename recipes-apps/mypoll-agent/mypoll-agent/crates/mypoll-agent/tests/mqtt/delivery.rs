// SPDX-License-Identifier: MIT OR Apache-2.0
//! Delivery at least once, whatever happens to the broker, the connection and the agent.

use std::{collections::BTreeSet, thread, time::Duration};

use nix::sys::signal::Signal;

use crate::{broker::Broker, common::Agent, relay::Relay, subscriber::Subscriber};

const VERSIONS: [&str; 2] = ["3.1.1", "5"];

fn configuration(port: u16, more: &str) -> String {
    format!(
        "agent.machine = 'board'\nstream = []\njournal.path = 'DIRECTORY/journal'\n\
         [[mqtt]]\nbroker = '127.0.0.1:{port}'\n{more}\n"
    )
}

/// Produces `count` presses of two events each.
fn presses(agent: &mut Agent, count: usize) {
    for _ in 0..count {
        agent.events("rising 0\nfalling 0");
    }
}

/// All numbers from 1 to `last`.
fn all(last: u64) -> BTreeSet<u64> {
    (1..=last).collect()
}

#[test]
fn events_arrive_in_order_with_their_identity() {
    for version in VERSIONS {
        let broker = Broker::start();
        let mut subscriber = Subscriber::new(broker.port, "mypoll/board/event/#");
        let more = format!("version = '{version}'");
        let mut agent = Agent::start(&configuration(broker.port, &more));
        agent.events("rising 0\ntick\nfalling 1 7");
        let expected = [
            ("button", "level"),
            ("door", "level"),
            ("button", "rising"),
            ("timer", "tick"),
            ("door", "falling"),
        ];
        for ((label, kind), number) in expected.into_iter().zip(1..) {
            let message = subscriber.next();
            assert_eq!(message.topic, format!("mypoll/board/event/{label}"));
            let event = message.json();
            assert_eq!(event["event"], number, "{event}");
            assert_eq!(event["kind"], kind, "{event}");
            assert_eq!(event["machine"], "board", "{event}");
            assert_eq!(event["session"].as_str().unwrap().len(), 16, "{event}");
            assert!(event["boot"].is_string() && event["timestamp_ns"].is_string());
        }
    }
}

#[test]
fn a_filter_selects_events_and_the_others_count_as_done() {
    let broker = Broker::start();
    let mut subscriber = Subscriber::new(broker.port, "mypoll/board/event/#");
    let configuration = configuration(
        broker.port,
        "filter = { kind = ['rising'] }\ntopics = { event = 'mypoll/{machine}/event/{line}/{source}/{kind}' }",
    );
    let mut agent = Agent::start(&configuration);
    agent.events("rising 1\nfalling 1\nrising 0\nfalling 0");
    for topic in ["1/gpio/rising", "0/gpio/rising"] {
        assert_eq!(
            subscriber.next().topic,
            format!("mypoll/board/event/{topic}")
        );
    }
    agent.signal(Signal::SIGTERM);
    assert!(agent.status().success());
    // Nothing is left after the last published event.
    agent.kill_and_restart(&configuration);
    agent.events("rising 1");
    let message = subscriber.next();
    assert_eq!(message.topic, "mypoll/board/event/1/gpio/rising");
    assert!(message.json()["event"].as_u64().unwrap() > 6);
}

#[test]
fn an_outage_of_the_broker_loses_nothing() {
    for version in VERSIONS {
        let mut broker = Broker::start();
        let relay = Relay::new();
        relay.open(broker.port);
        let more = format!("version = '{version}'\nwindow = 8");
        let mut agent = Agent::start(&configuration(relay.port, &more));
        let mut subscriber = Subscriber::new(broker.port, "mypoll/board/event/#");
        presses(&mut agent, 50);
        subscriber.events(50);
        broker.stop();
        relay.close();
        presses(&mut agent, 50);
        agent.wait_for_log("retrying");
        broker.again();
        let mut again = Subscriber::new(broker.port, "mypoll/board/event/#");
        relay.open(broker.port);
        presses(&mut agent, 50);
        let numbers = again.events(302);
        // The first subscriber got, or was about to get, what the first broker acknowledged.
        let first = *numbers.first().unwrap();
        assert!(first <= 103, "{first}");
        assert!(numbers.into_iter().eq(first..=302));
    }
}

#[test]
fn a_broker_that_forgets_everything_gets_what_it_did_not_acknowledge() {
    for version in VERSIONS {
        let mut broker = Broker::start();
        let relay = Relay::new();
        relay.open(broker.port);
        let mut subscriber = Subscriber::new(broker.port, "mypoll/board/event/#");
        let more = format!("version = '{version}'\nwindow = 16\ntimeout = '1s'");
        let mut agent = Agent::start(&configuration(relay.port, &more));
        presses(&mut agent, 20);
        let before = subscriber.events(42);
        assert_eq!(before, all(42));
        // It gets some, but its acknowledgements are lost: they count as undelivered.
        let passed = relay.passed();
        relay.lose_answers();
        presses(&mut agent, 20);
        while relay.passed() == passed {
            thread::sleep(Duration::from_millis(5));
        }
        broker.lose_everything();
        relay.close();
        presses(&mut agent, 20);
        broker.again();
        let mut subscriber = Subscriber::new(broker.port, "mypoll/board/event/#");
        relay.open(broker.port);
        let after = subscriber.events(122);
        assert!(after.is_superset(&(43..=122).collect()), "{after:?}");
    }
}

#[test]
fn killed_agents_and_brokers_lose_nothing_together() {
    let mut broker = Broker::start();
    let relay = Relay::new();
    relay.open(broker.port);
    let configuration = configuration(relay.port, "window = 4");
    let mut agent = Agent::start(&configuration);
    let mut seen = BTreeSet::new();
    let mut last = 2;
    for round in 0..6 {
        let mut subscriber = Subscriber::new(broker.port, "mypoll/board/event/#");
        relay.open(broker.port);
        presses(&mut agent, 25);
        last += 50;
        // In the middle of it.
        seen.extend(subscriber.events(last - 30));
        if round % 2 == 0 {
            // The agent has read all events before it is killed: the source's buffer is not under test.
            seen.extend(subscriber.events(last));
            agent.kill_and_restart(&configuration);
        } else {
            relay.lose_answers();
            relay.close();
            broker.lose_everything();
            // It has forwarded what it acknowledged.
            seen.extend(subscriber.rest());
            broker.again();
        }
    }
    let mut subscriber = Subscriber::new(broker.port, "mypoll/board/event/#");
    relay.open(broker.port);
    // Each start has added levels.
    agent.events("tick");
    loop {
        let event = subscriber.next().json();
        seen.insert(event["event"].as_u64().unwrap());
        if event["kind"] == "tick" {
            break;
        }
    }
    let end = *seen.last().unwrap();
    let missing: Vec<_> = all(end).difference(&seen).copied().collect();
    assert!(missing.is_empty(), "{missing:?} of {end}");
    assert!(end >= last);
}

#[test]
fn a_killed_agent_continues_after_the_acknowledged_events() {
    let broker = Broker::start();
    let relay = Relay::new();
    relay.open(broker.port);
    // With a stream.
    let configuration = configuration(relay.port, "").replace("stream = []\n", "");
    let mut subscriber = Subscriber::new(broker.port, "mypoll/board/#");
    let mut agent = Agent::start(&configuration);
    presses(&mut agent, 50);
    assert_eq!(subscriber.events(102), all(102));
    // The broker can't be reached: they are on disk only.
    relay.close();
    agent.wait_for_log("retrying");
    let (mut client, _) = agent.request("{}");
    presses(&mut agent, 50);
    // A client gets the events on disk.
    while client.json()["event"] != 202 {}
    agent.kill_and_restart(&configuration);
    relay.open(broker.port);
    let numbers = subscriber.events(202);
    assert!(numbers.is_superset(&(103..=202).collect()), "{numbers:?}");
}

#[test]
fn a_hanging_broker_is_dropped_and_gets_everything_when_it_resumes() {
    let broker = Broker::start();
    let mut subscriber = Subscriber::new(broker.port, "mypoll/board/event/#");
    let mut agent = Agent::start(&configuration(broker.port, "timeout = '1s'"));
    presses(&mut agent, 10);
    assert_eq!(subscriber.events(22), all(22));
    broker.signal(Signal::SIGSTOP);
    presses(&mut agent, 200);
    agent.wait_for_log("does not answer within 1s; retrying");
    broker.signal(Signal::SIGCONT);
    let numbers = subscriber.events(422);
    assert!(numbers.is_superset(&(23..=422).collect()), "{numbers:?}");
}

#[test]
fn events_no_longer_in_the_journal_are_reported() {
    let broker = Broker::start();
    let relay = Relay::new();
    let mut subscriber = Subscriber::new(broker.port, "mypoll/board/#");
    let mut agent = Agent::start(&format!(
        "agent.machine = 'board'\njournal.memory = 65536\n\
         [[mqtt]]\nbroker = '127.0.0.1:{}'\n",
        relay.port
    ));
    let (mut client, _) = agent.request("{}");
    presses(&mut agent, 1000);
    // This client may miss some itself, but not the last.
    while client.json()["event"] != 2002 {}
    relay.open(broker.port);
    let missed = loop {
        let message = subscriber.next();
        if message.topic == "mypoll/board/missed" {
            break message.json();
        }
    };
    let count = missed["missed"].as_u64().unwrap();
    assert!(count > 1000, "{missed}");
    assert_eq!(missed["next"].as_u64().unwrap(), count + 1);
    assert_eq!(
        (&missed["machine"], &missed["lost"]),
        (&"board".into(), &serde_json::Value::Null)
    );
    let numbers = subscriber.events(2002);
    assert!(numbers.into_iter().eq(count + 1..=2002));
}

#[test]
fn the_end_waits_for_the_broker_but_not_for_long() {
    let broker = Broker::start();
    let mut subscriber = Subscriber::new(broker.port, "mypoll/board/#");
    let mut agent = Agent::start(&configuration(broker.port, "window = 1"));
    subscriber.until("mypoll/board/availability", "online");
    presses(&mut agent, 100);
    // At the end, the source delivers everything that it has.
    agent.signal(Signal::SIGTERM);
    assert!(agent.status().success());
    assert_eq!(subscriber.events(202), all(202));
    subscriber.until("mypoll/board/availability", "offline");
    let mut agent = Agent::start(&configuration(1, ""));
    agent.wait_for_log("Connection refused");
    agent.signal(Signal::SIGTERM);
    assert!(agent.status().success());
}
