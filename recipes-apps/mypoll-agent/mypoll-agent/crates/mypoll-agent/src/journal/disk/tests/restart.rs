// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions and stored events across restarts.

use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt as _, time::Duration};

use super::*;
use crate::{
    journal::OpenError,
    lines::{Line, Settings},
};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn a_restart_continues_the_session_and_a_client_gets_what_it_missed() {
    for ending in [Ending::Clean, Ending::Killed] {
        let mut board = Board::new(4096, MIB);
        board.append(0..300).await;
        let session = board.session();
        let before = read_to(&mut board.journal.cursor(Start::Oldest), 300).await;
        let mut board = board.restart(ending, false, |_| ()).await;
        assert_eq!(board.session(), session);
        board.append([5]).await;
        let mut client = board.resume(session, 100);
        let after = read_to(&mut client, 301).await;
        assert_eq!(numbers(&after), (101..=301).collect::<Vec<_>>());
        assert_eq!(after[..200], before[101..]);
        assert_eq!(board.journal.stats().lost, (0..300).sum::<u64>() + 5);
    }
}

#[tokio::test]
async fn a_clean_end_continues_the_session_in_another_boot() {
    let mut board = Board::new(4096, MIB);
    board.append([0; 10]).await;
    let session = board.session();
    let mut board = board.restart(Ending::Clean, true, |_| ()).await;
    assert_eq!(board.session(), session);
    board.append([0; 10]).await;
    let got = read_to(&mut board.resume(session, 5), 20).await;
    assert_eq!(numbers(&got), (6..=20).collect::<Vec<_>>());
    // `timestamp_ns` restarts.
    assert_eq!(eras(&got), [(session, "boot-1"), (session, "boot-2")]);
}

#[tokio::test]
async fn a_power_cut_starts_a_session_and_numbers_continue() {
    let mut board = Board::new(4096, MIB);
    board.append([0; 10]).await;
    let old = board.session();
    let cut = |folder: &Path| {
        let last = segments(folder).pop().unwrap();
        let length = fs::metadata(&last).unwrap().len();
        let file = fs::File::options().write(true).open(last).unwrap();
        // In the middle of the eighth event.
        file.set_len(length - 2 * 57 - 20).unwrap();
    };
    let mut board = board.restart(Ending::Killed, true, cut).await;
    let new = board.session();
    assert_ne!(new, old);
    board.append([0; 3]).await;
    let got = read_to(&mut board.resume(old, 5), 10).await;
    assert_eq!(numbers(&got), [6, 7, 8, 9, 10]);
    assert_eq!(eras(&got), [(old, "boot-1"), (new, "boot-2")]);
    assert_eq!(got[3], Got::Era(new, "boot-2".into()));
    // This client has events that the power cut lost.
    let got = read_to(&mut board.resume(old, 10), 10).await;
    assert_eq!(numbers(&got), [8, 9, 10]);
    assert_eq!(eras(&got), [(new, "boot-2")]);
    // An unknown session.
    let got = read_to(&mut board.resume(SessionId([9; 8]), 3), 10).await;
    assert_eq!(numbers(&got), (1..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_clean_end_is_forgotten_when_the_agent_starts_again() {
    let mut board = Board::new(4096, MIB);
    board.append([0; 4]).await;
    let board = board.restart(Ending::Clean, false, |_| ()).await;
    let session = board.session();
    // Delivered events may not have reached the disk.
    let board = board.restart(Ending::Killed, true, |_| ()).await;
    assert_ne!(board.session(), session);
}

#[tokio::test]
async fn a_session_without_events_can_be_resumed() {
    let mut board = Board::new(4096, MIB);
    board.append([0; 4]).await;
    let board = board.restart(Ending::Killed, true, |_| ()).await;
    let silent = board.session();
    let mut board = board.restart(Ending::Killed, true, |_| ()).await;
    assert_ne!(board.session(), silent);
    board.append([0]).await;
    assert_eq!(
        numbers(&read_to(&mut board.resume(silent, 4), 5).await),
        [5]
    );
}

#[tokio::test]
async fn the_oldest_segments_are_deleted_and_the_gap_is_exact() {
    let mut board = Board::new(4096, 256 << 10);
    let session = board.session();
    let mut slow = board.journal.cursor(Start::Now);
    for _ in 0..40 {
        board.append([1; 256]).await;
        let sum: u64 = segments(&board.path())
            .iter()
            .map(|file| fs::metadata(file).unwrap().len())
            .sum();
        assert!(sum <= 256 << 10, "{sum}");
        assert!(board.journal.stats().disk >= sum);
    }
    let first = board.journal.stats().first;
    assert!((2000..8000).contains(&first), "{first}");
    let got = read_to(&mut slow, 40 * 256).await;
    let missed = first - 1;
    let lost = Some(missed);
    assert_eq!(gaps(&got), [Gap { missed, lost }]);
    assert!(numbers(&got).into_iter().eq(first..=40 * 256));
    let board = board.restart(Ending::Killed, false, |_| ()).await;
    let got = read_to(&mut board.resume(session, 0), 40 * 256).await;
    assert_eq!(gaps(&got), [Gap { missed, lost: None }]);
}

#[tokio::test]
async fn many_starts_without_events_stay_within_the_bound() {
    let mut board = Board::new(4096, 256 << 10);
    board.append([0; 3]).await;
    for _ in 0..100 {
        board = board.restart(Ending::Killed, true, |_| ()).await;
        assert!(board.journal.stats().disk <= 256 << 10);
    }
    assert_eq!(segments(&board.path()).len(), 64);
    assert_eq!(board.journal.stats().next, 4);
    for _ in 0..3 {
        board = board.restart(Ending::Killed, false, |_| ()).await;
    }
    assert_eq!(segments(&board.path()).len(), 64);
}

#[tokio::test]
async fn events_keep_their_labels_and_times() {
    let mut board = Board::new(4096, MIB);
    let line = Line {
        number: 3,
        label: Some("Tür".into()),
        active: Some(true),
        settings: Settings::default(),
    };
    let lines = Some(vec![line]);
    let readings = vec![reading(0)];
    board.writer.append(Update { readings, lines }).await;
    let before = read_to(&mut board.journal.cursor(Start::Oldest), 2).await;
    let Got::Event(level) = &before[2] else {
        panic!("{before:?}");
    };
    assert_eq!(
        (level.reading.kind, level.label.as_deref()),
        (Kind::LEVEL, Some("Tür"))
    );
    let board = board.restart(Ending::Killed, false, |_| ()).await;
    let after = read_to(&mut board.journal.cursor(Start::Oldest), 2).await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn one_folder_is_for_one_agent() {
    let board = Board::new(4096, MIB);
    let status = Status::default();
    let config = &board.config;
    let error = Journal::open(identity(1), config, &status).err().unwrap();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("use a separate directory for each agent")
    );
}

#[tokio::test]
async fn files_are_for_the_owner_and_the_group() {
    let board = Board::new(4096, MIB);
    let modes: BTreeSet<_> = fs::read_dir(board.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().mode() & 0o7777)
        .collect();
    assert!(modes.iter().all(|mode| mode & !0o640 == 0), "{modes:?}");
    assert_eq!(
        fs::metadata(board.path()).unwrap().mode() & 0o7777 & !0o750,
        0
    );
}

#[tokio::test]
async fn a_dropped_read_loses_nothing() {
    let mut board = Board::new(4096, MIB);
    board.append([0; 2000]).await;
    let mut client = board.resume(board.session(), 0);
    let mut seen = 0;
    while seen < 2000 {
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            delivery = client.next() => {
                let Some(Delivery::Events(batch)) = delivery else {
                    panic!("{delivery:?}");
                };
                assert_eq!(batch.first(), seen + 1);
                seen = batch.next() - 1;
            }
        }
    }
}

#[tokio::test]
async fn a_folder_that_another_agent_took_over_is_left_alone() {
    let mut board = Board::new(1 << 16, MIB);
    board.append([0; 10]).await;
    let old = board.session();
    fs::remove_dir_all(board.path()).unwrap();
    let (other, mut others) =
        Journal::open(identity(1), &board.config, &Status::default()).unwrap();
    assert_ne!(other.era().session, old);
    // More than a segment.
    for _ in 0..10 {
        board.append([0; 1000]).await;
        others
            .append(Update {
                readings: vec![reading(0)],
                lines: None,
            })
            .await;
    }
    // Its events must not be mistaken for those of the session that was on disk.
    assert_ne!(board.session(), old);
    assert_eq!(segments(&board.path()).len(), 1);
    let got = read_to(&mut other.cursor(Start::Oldest), 10).await;
    assert_eq!(numbers(&got), (1..=10).collect::<Vec<_>>());
    let waiting = board.status.waiting();
    assert!(waiting[0].1.starts_with("cannot write"), "{waiting:?}");
}

#[tokio::test]
async fn a_removed_folder_is_recreated() {
    let mut board = Board::new(1 << 16, MIB);
    board.append([0; 10]).await;
    fs::remove_dir_all(board.path()).unwrap();
    // Writing is retried after a second.
    while !board.path().exists() || segments(&board.path()).is_empty() {
        board.append([0]).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    board.append([0]).await;
    let last = board.journal.stats().next - 1;
    let session = board.session();
    assert_eq!(board.status.waiting(), []);
    let board = board.restart(Ending::Killed, false, |_| ()).await;
    assert_eq!(board.session(), session);
    let got = read_to(&mut board.resume(session, last - 1), last).await;
    assert_eq!(numbers(&got), [last]);
}
