// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retained topics, orders, the last will, and Home Assistant's discovery.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{broker::Broker, common::Agent, subscriber::Subscriber};

fn configuration(port: u16, more: &str) -> String {
    format!(
        "agent.machine = 'board'\nstream = []\n\
         [[output]]\nname = 'lamp'\nchip = '/dev/none'\nline = 0\n\
         [[mqtt]]\nbroker = '127.0.0.1:{port}'\n{more}\n"
    )
}

#[test]
fn levels_are_retained_and_the_newest_counts() {
    for version in ["3.1.1", "5"] {
        let broker = Broker::start();
        let mut subscriber = Subscriber::new(broker.port, "mypoll/board/level/#");
        let configuration = configuration(broker.port, &format!("version = '{version}'"));
        let mut agent = Agent::start(&configuration);
        subscriber.until("mypoll/board/level/button", "off");
        agent.events("rising 0");
        subscriber.until("mypoll/board/level/button", "on");
        // A client that connects later.
        let mut later = Subscriber::new(broker.port, "mypoll/board/#");
        let mut state = std::collections::BTreeMap::new();
        while state.len() < 3 {
            let message = later.next();
            if message.retained {
                state.insert(message.topic, message.payload);
            }
        }
        let of = |topic: &str| state[&format!("mypoll/board/{topic}")].as_str();
        assert_eq!(
            [of("availability"), of("level/button"), of("level/door")],
            ["online", "on", "off"]
        );
    }
}

#[test]
fn the_broker_reports_that_an_agent_is_gone() {
    for version in ["3.1.1", "5"] {
        let broker = Broker::start();
        let mut subscriber = Subscriber::new(broker.port, "mypoll/board/availability");
        let configuration = configuration(broker.port, &format!("version = '{version}'"));
        let mut agent = Agent::start(&configuration);
        let topic = "mypoll/board/availability";
        subscriber.until(topic, "online");
        agent.kill_and_restart(&configuration);
        subscriber.until(topic, "offline");
        subscriber.until(topic, "online");
        agent.signal(Signal::SIGTERM);
        assert!(agent.status().success());
        subscriber.until(topic, "offline");
        let mut later = Subscriber::new(broker.port, topic);
        let message = later.next();
        assert!(message.retained && message.payload == "offline");
    }
}

#[test]
fn a_broker_without_memory_gets_the_state_again() {
    let mut broker = Broker::start();
    let mut agent = Agent::start(&configuration(broker.port, ""));
    let mut subscriber = Subscriber::new(broker.port, "mypoll/board/#");
    subscriber.until("mypoll/board/level/door", "off");
    broker.lose_everything();
    agent.wait_for_log("retrying");
    agent.events("rising 1");
    broker.again();
    let mut subscriber = Subscriber::new(broker.port, "mypoll/board/#");
    subscriber.until("mypoll/board/level/door", "on");
}

#[test]
fn allowed_orders_are_carried_out() {
    for version in ["3.1.1", "5"] {
        let broker = Broker::start();
        let mut client = Subscriber::new(broker.port, "mypoll/board/#");
        // An old order is not carried out.
        client.publish("mypoll/board/driver/set", "trigger", true);
        let more = format!("version = '{version}'\norders = ['output', 'trigger']");
        let mut agent = Agent::start(&configuration(broker.port, &more));
        agent.wait_for_log("ignoring a retained order");
        client.until("mypoll/board/level/door", "off");
        for (topic, payload, said) in [
            ("output/lamp", "on", "the output `lamp` is unavailable"),
            ("output/lamp", r#"{"toggle":true}"#, ""),
            ("output/lamp", "brighter", "expected `on`, `off`, `toggle`"),
            ("output/lamp", r#"{"pulse_ms":0}"#, "`pulse_ms` must be 1"),
            ("driver", "trigger", "supports neither triggers"),
            ("driver", "start", "`orders` has no \"timer\""),
        ] {
            client.publish(&format!("mypoll/board/{topic}/set"), payload, false);
            if !said.is_empty() {
                agent.wait_for_log(said);
            }
        }
        // An oversized order is skipped, and the connection stays.
        client.publish("mypoll/board/output/lamp/set", &"x".repeat(40_000), false);
        client.publish("mypoll/board/output/lamp/set", "last", false);
        agent.wait_for_log("`last`");
        agent.events("rising 1");
        client.until("mypoll/board/level/door", "on");
        let log = agent.rest_of_log();
        assert!(!log.iter().any(|line| line.contains("retrying")), "{log:?}");
    }
}

#[test]
fn without_orders_nothing_is_subscribed() {
    let broker = Broker::start();
    let mut client = Subscriber::new(broker.port, "mypoll/board/#");
    let mut agent = Agent::start(&configuration(broker.port, ""));
    client.until("mypoll/board/level/door", "off");
    client.publish("mypoll/board/output/lamp/set", "brighter", false);
    client.publish("mypoll/board/driver/set", "trigger", false);
    agent.events("rising 1");
    client.until("mypoll/board/level/door", "on");
    let log = agent.rest_of_log();
    assert!(!log.iter().any(|line| line.contains("expected")), "{log:?}");
    assert!(!broker.log().contains("/set (QoS"), "{}", broker.log());
}

#[test]
fn a_reload_keeps_connections_to_unchanged_brokers() {
    let broker = Broker::start();
    let mut client = Subscriber::new(broker.port, "mypoll/#");
    let configuration = configuration(broker.port, "");
    let mut agent = Agent::start(&configuration);
    client.until("mypoll/board/availability", "online");
    // The last message that arrives by itself.
    client.of("mypoll/board/event/door");
    agent.signal(Signal::SIGHUP);
    agent.wait_for_log("reloaded");
    let messages = client.within(Duration::from_millis(300));
    assert!(messages.is_empty(), "{messages:?}");
    let path = agent.directory().join("agent.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace(
        "[[mqtt]]",
        "[[mqtt]]\ntopics = { level = 'mypoll/{machine}/line/{line}' }",
    );
    std::fs::write(&path, text).unwrap();
    agent.signal(Signal::SIGHUP);
    client.until("mypoll/board/availability", "offline");
    client.until("mypoll/board/availability", "online");
    client.until("mypoll/board/line/1", "off");
    agent.events("rising 1");
    client.until("mypoll/board/line/1", "on");
}

fn entity<'a>(announcement: &'a Value, key: &str) -> &'a Value {
    &announcement["components"][key]
}

#[test]
fn lines_and_outputs_are_announced_to_home_assistant() {
    let broker = Broker::start();
    let mut client = Subscriber::new(broker.port, "homeassistant/#");
    let agent = Agent::start(&configuration(
        broker.port,
        "orders = ['output']\n[mqtt.home-assistant]\nname = 'Kitchen'",
    ));
    let topic = "homeassistant/device/mypoll-board/config";
    let announcement = loop {
        let announcement = client.of(topic).json();
        if entity(&announcement, "label-door-event").is_object() {
            break announcement;
        }
    };
    assert_eq!(announcement["device"]["name"], "Kitchen");
    assert_eq!(announcement["device"]["identifiers"][0], "mypoll-board");
    assert_eq!(
        announcement["availability"][0]["topic"],
        "mypoll/board/availability"
    );
    let level = entity(&announcement, "label-button-level");
    assert_eq!(level["platform"], "binary_sensor");
    assert_eq!(level["state_topic"], "mypoll/board/level/button");
    let lamp = entity(&announcement, "output-lamp");
    assert_eq!(lamp["platform"], "switch");
    assert_eq!(lamp["command_topic"], "mypoll/board/output/lamp/set");
    // Home Assistant starts.
    client.publish("homeassistant/status", "online", false);
    assert_eq!(client.of(topic).json(), announcement);
    // A removed output is announced with its platform only.
    let path = agent.directory().join("agent.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("'lamp'", "'light'")).unwrap();
    agent.signal(Signal::SIGHUP);
    let announcement = loop {
        let announcement = client.of(topic).json();
        if entity(&announcement, "output-light").is_object() {
            break announcement;
        }
    };
    assert_eq!(
        *entity(&announcement, "output-lamp"),
        serde_json::json!({"platform": "switch"})
    );
    let _ = agent.rest_of_log();
}
