// SPDX-License-Identifier: MIT OR Apache-2.0
//! Positions of sinks across restarts, power cuts and damage.

use std::time::Duration;

use super::*;
use crate::journal::Bookmark;

impl Board {
    fn bookmark(&self) -> Bookmark {
        Bookmark::open(&self.journal, "mqtt a/b").unwrap()
    }

    /// The numbers of the events that the sink gets, up to `last`.
    async fn deliver(&self, last: u64) -> Vec<u64> {
        let mut cursor = self.journal.cursor(self.bookmark().start());
        numbers(&read_to(&mut cursor, last).await)
    }
}

fn cursor_file(folder: &Path) -> PathBuf {
    folder.join("cursors/mqtt%20a%2Fb")
}

#[tokio::test]
async fn a_killed_agent_repeats_only_events_since_the_last_save() {
    let mut board = Board::new(1 << 16, 1 << 20);
    board.append([0; 10]).await;
    assert_eq!(board.deliver(10).await, (1..=10).collect::<Vec<_>>());
    let bookmark = board.bookmark();
    bookmark.done(board.session(), 5);
    bookmark.save().await;
    bookmark.done(board.session(), 8);
    let board = board.restart(Ending::Killed, false, |_| {}).await;
    assert_eq!(board.deliver(10).await, [6, 7, 8, 9, 10]);
}

#[tokio::test]
async fn a_clean_end_repeats_nothing() {
    let mut board = Board::new(1 << 16, 1 << 20);
    board.append([0; 10]).await;
    let bookmark = board.bookmark();
    bookmark.done(board.session(), 8);
    bookmark.save().await;
    drop(bookmark);
    let board = board.restart(Ending::Clean, true, |_| {}).await;
    assert_eq!(board.deliver(10).await, [9, 10]);
}

#[tokio::test]
async fn events_lost_in_a_power_cut_do_not_hide_later_events() {
    let mut board = Board::new(1 << 16, 1 << 20);
    board.append([0; 10]).await;
    let bookmark = board.bookmark();
    bookmark.done(board.session(), 10);
    bookmark.save().await;
    let mut board = board
        .restart(Ending::Killed, true, |folder| {
            let last = segments(folder).pop().unwrap();
            let file = fs::File::options().write(true).open(&last).unwrap();
            file.set_len(file.metadata().unwrap().len() - 100).unwrap();
        })
        .await;
    let next = board.journal.stats().next;
    assert!(next < 10, "{next}");
    board.append([0; 10]).await;
    assert_eq!(
        board.deliver(next + 9).await,
        (next..next + 10).collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn progress_is_saved_once_within_a_second() {
    let board = Board::new(1 << 16, 1 << 20);
    let bookmark = board.bookmark();
    for event in 1..=100 {
        bookmark.done(board.session(), event);
    }
    tokio::time::sleep(Duration::from_millis(990)).await;
    assert!(!cursor_file(&board.path()).exists());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let text = fs::read_to_string(cursor_file(&board.path())).unwrap();
    let start = format!("mypoll-cursor 1 {} 100 ", board.session());
    assert!(text.starts_with(&start), "{text}");
}

#[tokio::test]
async fn a_damaged_position_starts_with_the_oldest_event() {
    let mut board = Board::new(1 << 16, 1 << 20);
    board.append([0; 3]).await;
    let bookmark = board.bookmark();
    bookmark.done(board.session(), 2);
    bookmark.save().await;
    let bytes = fs::read(cursor_file(&board.path())).unwrap();
    let cut = (0..bytes.len()).map(|length| bytes[..length].to_vec());
    let flipped = (0..bytes.len() * 8).map(|bit| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    for damaged in cut.chain(flipped).chain([vec![b'x'; 100]]) {
        fs::write(cursor_file(&board.path()), &damaged).unwrap();
        board = board.restart(Ending::Killed, false, |_| {}).await;
        assert_eq!(board.bookmark().start(), Start::Oldest, "{damaged:?}");
    }
    assert_eq!(board.deliver(3).await, [1, 2, 3]);
}

#[tokio::test]
async fn an_unknown_session_starts_with_the_oldest_event() {
    let mut board = Board::new(1 << 16, 1 << 20);
    board.append([0; 3]).await;
    board.bookmark().done(SessionId([7; 8]), 2);
    assert_eq!(board.deliver(3).await, [1, 2, 3]);
}

#[tokio::test]
async fn without_a_folder_the_position_lasts_as_long_as_the_journal() {
    let (journal, _writer) = Journal::in_memory(identity(1), 1 << 16);
    let open = || Bookmark::open(&journal, "mqtt").unwrap();
    assert_eq!(open().start(), Start::Oldest);
    let session = journal.era().session;
    open().done(session, 2);
    open().save().await;
    assert_eq!(open().start(), Start::After(session, 2));
    let other = Bookmark::open(&journal, "rule").unwrap();
    assert_eq!(other.start(), Start::Oldest);
}

#[tokio::test]
async fn a_position_that_cannot_be_saved_is_reported_and_saved_later() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        path: Some(folder.path().into()),
        ..Config::default()
    };
    let status = Status::default();
    let (journal, _writer) = Journal::open(identity(1), &config, &status).unwrap();
    let bookmark = Bookmark::open(&journal, "mqtt a/b").unwrap();
    fs::write(folder.path().join("cursors"), "").unwrap();
    bookmark.done(journal.era().session, 2);
    bookmark.save().await;
    let waiting = status.waiting();
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0].0, "cursor mqtt a/b");
    let error = Bookmark::open(&journal, "rule").map(drop).unwrap_err();
    let path = folder.path().join("cursors/rule");
    assert_eq!(
        error.to_string(),
        format!("cannot read {} (journal.path)", path.display())
    );
    fs::remove_file(folder.path().join("cursors")).unwrap();
    bookmark.save().await;
    assert_eq!(status.waiting(), []);
    assert!(cursor_file(folder.path()).exists());
}
