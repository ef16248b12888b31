// SPDX-License-Identifier: MIT OR Apache-2.0
//! Order, numbers, bounds and gaps.

use super::*;
use crate::event::{Kind, Reading, Source};

fn identity() -> Identity {
    Identity {
        machine: "board".to_owned(),
        boot: "boot".to_owned(),
    }
}

fn tick(lost: u32) -> Reading {
    Reading {
        timestamp_ns: 0,
        source: Source::TIMER,
        kind: Kind::TICK,
        line: 0,
        value: 1,
        lost,
    }
}

async fn append(writer: &mut Writer, lost: impl IntoIterator<Item = u32>) {
    writer
        .append(Update {
            readings: lost.into_iter().map(tick).collect(),
            lines: None,
        })
        .await;
}

/// The numbers of the events until the journal's end, and the gaps.
async fn rest(mut cursor: Cursor) -> (Vec<u64>, Vec<Gap>) {
    let (mut events, mut gaps) = (Vec::new(), Vec::new());
    while let Some(delivery) = cursor.next().await {
        match delivery {
            Delivery::Events(batch) => {
                let numbers: Vec<_> = batch.events().map(|event| event.sequence).collect();
                let text: Vec<u8> = batch.text().flatten().collect();
                assert_eq!(
                    text.iter().filter(|byte| **byte == b'\n').count(),
                    numbers.len()
                );
                assert_eq!(
                    (numbers[0], numbers[numbers.len() - 1] + 1),
                    (batch.first(), batch.next())
                );
                events.extend(numbers);
            }
            Delivery::Gap(gap) => gaps.push(gap),
            Delivery::Era(_) => {}
        }
    }
    (events, gaps)
}

#[tokio::test]
async fn each_cursor_gets_every_event_from_its_start_on() {
    let (journal, mut writer) = Journal::in_memory(identity(), 1 << 20);
    append(&mut writer, [0; 3]).await;
    let session = journal.era().session;
    let now = journal.cursor(Start::Now);
    let oldest = journal.cursor(Start::Oldest);
    let resumed = journal.cursor(Start::After(session, 2));
    let ahead = journal.cursor(Start::After(session, u64::MAX));
    let stranger = journal.cursor(Start::After(SessionId([0; 8]), 2));
    append(&mut writer, [0; 1000]).await;
    drop(writer);
    assert_eq!(rest(now).await, ((4..=1003).collect(), vec![]));
    assert_eq!(rest(oldest).await, ((1..=1003).collect(), vec![]));
    assert_eq!(rest(resumed).await, ((3..=1003).collect(), vec![]));
    assert_eq!(rest(ahead).await, ((4..=1003).collect(), vec![]));
    assert_eq!(rest(stranger).await, ((1..=1003).collect(), vec![]));
}

#[tokio::test]
async fn a_slow_cursor_gets_the_missing_and_lost_counts() {
    let (journal, mut writer) = Journal::in_memory(identity(), 4096);
    append(&mut writer, [100]).await;
    let cursor = journal.cursor(Start::Now);
    let resumed = journal.cursor(Start::After(journal.era().session, 0));
    for lost in 1..=1000 {
        append(&mut writer, [lost]).await;
    }
    let stats = journal.stats();
    assert!(stats.memory <= 4096 && stats.first > 900, "{stats:?}");
    drop(writer);
    let missed = stats.first - 2;
    let (events, gaps) = rest(cursor).await;
    assert_eq!(
        gaps,
        [Gap {
            missed,
            lost: Some((1..=missed).sum())
        }]
    );
    assert!(events.into_iter().eq(stats.first..=1001));
    // The client got its first event elsewhere, so the loss count up to it is unknown.
    assert_eq!(
        rest(resumed).await.1,
        [Gap {
            missed: missed + 1,
            lost: None
        }]
    );
}

#[tokio::test]
async fn a_waiting_cursor_wakes() {
    let (journal, mut writer) = Journal::in_memory(identity(), 4096);
    let reader = tokio::spawn(rest(journal.cursor(Start::Now)));
    tokio::task::yield_now().await;
    append(&mut writer, [0]).await;
    tokio::task::yield_now().await;
    drop(writer);
    assert_eq!(reader.await.unwrap(), (vec![1], vec![]));
}

#[tokio::test]
async fn events_in_memory_only_are_not_kept() {
    let (journal, mut writer) = Journal::in_memory(identity(), 1 << 20);
    assert!(journal.is_kept_from(1));
    append(&mut writer, [0; 2]).await;
    assert!(!journal.is_kept_from(1) && !journal.is_kept_from(2));
    assert!(journal.is_kept_from(3));
}
