// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[rule]]` sections, orders to outputs, and messages to brokers.

mod config;

use std::time::Duration;

use mypoll_protocol::{Action, Output};
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    command::{Executor, Refused},
    event::{Kind, Reading, Source},
    identity::Identity,
    journal::{Journal, Update, Writer},
};

/// Ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);

async fn happen(writer: &mut Writer, kinds: &[Kind]) {
    let reading = |kind: &Kind| Reading {
        timestamp_ns: 0,
        source: kind.source().unwrap(),
        kind: *kind,
        line: 3,
        value: 1,
        lost: 0,
    };
    let readings = kinds.iter().map(reading).collect();
    writer
        .append(Update {
            readings,
            lines: None,
        })
        .await;
}

/// The orders to the lamp, event by event; it refuses every second one.
#[tokio::test]
async fn orders_are_given_in_sequence_without_retries() {
    let (journal, mut writer) = Journal::in_memory(Identity::of_this_machine(Some("test")), 65536);
    let context = Context::new(journal);
    let mut lamp = context
        .commands
        .register(Executor::Output("lamp".to_owned()));
    let config = config::rule("output = { name = 'lamp', toggle = true }");
    let run = config.prepare(&context).unwrap();
    let stop = CancellationToken::new();
    let rule = tokio::spawn(run(stop));
    tokio::task::yield_now().await;
    happen(
        &mut writer,
        &[
            Kind::RISING,
            Kind::LEVEL,
            Kind::CLICK,
            Kind::FALLING,
            Kind::TICK,
        ],
    )
    .await;
    writer.close().await;
    let mut orders = 0;
    while let Ok(Some(order)) = time::timeout(LONG, lamp.recv()).await {
        let name = "lamp".to_owned();
        assert_eq!(order.action, Action::Output(Output::Toggle { name }));
        // It waits for the reply.
        assert!(lamp.try_recv().is_err());
        let outcome = if orders % 2 == 0 {
            Ok(())
        } else {
            Err(Refused::Busy)
        };
        orders += 1;
        order.reply.send(outcome).unwrap();
        if orders == 3 {
            break;
        }
    }
    let counters = context.status.counters();
    time::timeout(LONG, rule).await.unwrap().unwrap();
    let (_, counters) = counters
        .iter()
        .find(|(part, _)| part == "rule bell")
        .unwrap();
    assert_eq!(counters["matched"], 3);
    assert_eq!(counters["failed"], 1);
    assert!(lamp.try_recv().is_err());
}

/// The connection refuses each message once.
#[cfg(feature = "mqtt")]
#[tokio::test(start_paused = true)]
async fn messages_are_retried_until_the_broker_has_them() {
    use crate::publish::Unpublished;

    let (journal, mut writer) = Journal::in_memory(Identity::of_this_machine(Some("test")), 65536);
    let context = Context::new(journal);
    let mut broker = context.publishers.register("home");
    let text = "[[mqtt]]\nname = 'home'\nbroker = 'a:1'\n[[rule]]\nname = 'bell'\n\
                mqtt = { name = 'home', topic = '{machine}/bell/{kind}', retain = true }";
    let config = crate::config::Config::parse("agent.toml".as_ref(), text);
    let run = config.unwrap().rule[0].prepare(&context).unwrap();
    let rule = tokio::spawn(run(CancellationToken::new()));
    happen(&mut writer, &[Kind::RISING, Kind::FALLING]).await;
    writer.close().await;
    for number in 0..4 {
        let message = broker.recv().await.unwrap();
        let kind = ["rising", "falling"][number / 2];
        assert_eq!(message.topic, format!("test/bell/{kind}"));
        assert!(message.retain);
        let payload: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(
            (&payload["kind"], &payload["rule"]),
            (&kind.into(), &"bell".into())
        );
        let outcome = match number % 2 {
            0 => Err(Unpublished::Failed("gone".to_owned())),
            _ => Ok(()),
        };
        message.reply.send(outcome).unwrap();
    }
    rule.await.unwrap();
}

#[test]
fn gestures_and_levels_match_only_if_named() {
    let takes = |when: &str, kind: Kind| {
        let config = config::rule(&format!(
            "when = {when}\noutput = {{ name = 'lamp', toggle = true }}"
        ));
        let reading = Reading {
            timestamp_ns: 0,
            source: kind.source().unwrap(),
            kind,
            line: 3,
            value: 1,
            lost: 0,
        };
        config.when.takes(&crate::event::Event {
            sequence: 1,
            reading,
            time: crate::event::WallTime {
                unix_ns: 0,
                synchronized: true,
            },
            label: reading.source.has_lines().then(|| "button".into()),
        })
    };
    for (when, taken) in [
        ("{}", &[Kind::RISING, Kind::TICK][..]),
        ("{ label = 'button' }", &[Kind::RISING]),
        (
            "{ label = ['door', 'button'], line = [1, 3] }",
            &[Kind::RISING],
        ),
        ("{ label = 'door' }", &[]),
        ("{ kind = ['click', 'level'] }", &[Kind::CLICK, Kind::LEVEL]),
        ("{ source = 'gesture' }", &[Kind::CLICK]),
        (
            "{ source = ['gpio', 'timer'] }",
            &[Kind::RISING, Kind::TICK],
        ),
    ] {
        for kind in [Kind::RISING, Kind::TICK, Kind::CLICK, Kind::LEVEL] {
            assert_eq!(
                takes(when, kind),
                taken.contains(&kind),
                "{when} {}",
                kind.name()
            );
        }
    }
    assert_eq!(Source::GESTURE.name(), "gesture");
}
