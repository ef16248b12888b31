// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules that publish at least once, besides the sink's own messages.

use crate::{broker::Broker, common::Agent, relay::Relay, subscriber::Subscriber};

#[test]
fn a_rule_publishes_matching_events_across_an_outage_and_a_kill() {
    let mut broker = Broker::start();
    let relay = Relay::new();
    relay.open(broker.port);
    let configuration = format!(
        "agent.machine = 'board'\njournal.path = 'DIRECTORY/journal'\n\
         [[mqtt]]\nname = 'home'\nbroker = '127.0.0.1:{}'\n\
         [[rule]]\nname = 'bell'\nwhen = {{ kind = 'rising', label = 'door' }}\n\
         mqtt = {{ name = 'home', topic = 'house/{{label}}/{{kind}}' }}\n",
        relay.port
    );
    let mut subscriber = Subscriber::new(broker.port, "house/#");
    let mut agent = Agent::start(&configuration);
    agent.events("rising 1\nfalling 1\nrising 0");
    let message = subscriber.next();
    assert_eq!(message.topic, "house/door/rising");
    let first = message.json();
    assert_eq!(
        (&first["rule"], &first["machine"]),
        (&"bell".into(), &"board".into())
    );

    // The broker stops, and then the agent, which has more events by then.
    broker.stop();
    relay.close();
    let (mut client, _) = agent.request("{}");
    agent.events("rising 1\nfalling 1\nrising 1");
    let mut presses = 0;
    while presses < 2 {
        let event = client.json();
        presses += usize::from(event["label"] == "door" && event["kind"] == "rising");
    }
    agent.kill_and_restart(&configuration);
    broker.again();
    let mut subscriber = Subscriber::new(broker.port, "house/#");
    relay.open(broker.port);
    agent.events("falling 1\nrising 1");
    let mut numbers = Vec::new();
    while numbers.len() < 3 {
        let number = subscriber.next().json()["event"].as_u64();
        // Earlier messages may arrive again.
        if number > first["event"].as_u64() && !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    assert!(numbers.is_sorted(), "{numbers:?}");
}
