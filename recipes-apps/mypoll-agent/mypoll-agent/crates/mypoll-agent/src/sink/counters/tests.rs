// SPDX-License-Identifier: MIT OR Apache-2.0
//! Totals across restarts, power cuts and damage.

use std::{fs, path::Path};

use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::{
    config,
    event::{Kind, Reading, Source},
    identity::Identity,
    journal::{self, Update, Writer},
    lines::{Line, Settings},
    status::Status,
};

/// An agent that counts.
struct Board {
    folder: TempDir,
    context: Context,
    writer: Writer,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Board {
    /// Starts it with this folder and boot.
    async fn start(folder: TempDir, boot: &str) -> Self {
        let identity = Identity {
            machine: "board".into(),
            boot: boot.into(),
        };
        let config = journal::Config {
            path: Some(folder.path().join("journal")),
            ..Default::default()
        };
        let status = Status::default();
        let (journal, writer) = Journal::open(identity, &config, &status).unwrap();
        let context = Context {
            status,
            ..Context::new(journal)
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(Config::default().prepare(&context)(stop.clone()));
        let mut board = Self {
            folder,
            context,
            writer,
            stop,
            task,
        };
        let line = Line {
            number: 0,
            label: Some("meter".into()),
            active: None,
            settings: Settings::default(),
        };
        let update = Update {
            readings: Vec::new(),
            lines: Some(vec![line]),
        };
        board.writer.append(update).await;
        board
    }

    async fn pulses(&mut self, count: usize) {
        let reading = |kind| Reading {
            timestamp_ns: 0,
            source: Source::GPIO,
            kind,
            line: 0,
            value: 1,
            lost: 0,
        };
        let pulse = [reading(Kind::RISING), reading(Kind::FALLING)];
        let update = Update {
            readings: pulse.repeat(count),
            lines: None,
        };
        self.writer.append(update).await;
    }

    /// Waits until clients get the total `expected`.
    async fn shows(&self, expected: u64) {
        let shown = || {
            let snapshot = self.context.journal.snapshot();
            snapshot.tally(&snapshot.lines[0]).map(|tally| tally.pulses)
        };
        for _ in 0..1000 {
            if shown() == Some(expected) {
                return;
            }
            task::yield_now().await;
            time::sleep(Duration::from_millis(1)).await;
        }
        panic!("seen {:?}, expected {expected}", shown());
    }

    async fn saved(&self) {
        for _ in 0..10_000 {
            if self.file().exists() {
                return;
            }
            time::sleep(Duration::from_millis(1)).await;
        }
        panic!("nothing was saved");
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("journal/counters")
    }

    /// Ends it as at the agent's shutdown.
    async fn end(self) -> TempDir {
        self.writer.close().await;
        self.task.await.unwrap();
        self.folder
    }

    /// The files that a kill would leave now.
    fn killed(&self) -> TempDir {
        let copy = folder();
        let to = copy.path().join("journal");
        fs::create_dir(&to).unwrap();
        for file in fs::read_dir(self.folder.path().join("journal")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        copy
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The last segment of the journal.
fn segment(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("journal")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let segments = paths.filter(|path| path.extension().is_some_and(|end| end == "segment"));
    segments.max().unwrap()
}

/// Removes the journal's last events, as if they had never reached the disk.
fn cut(folder: &Path, events: u64) {
    let last = segment(folder);
    let length = fs::metadata(&last).unwrap().len();
    let medium = fs::File::options().write(true).open(&last).unwrap();
    medium.set_len(length - events * 62).unwrap();
}

#[tokio::test]
async fn totals_continue_after_a_clean_end() {
    let mut board = Board::start(folder(), "one").await;
    board.pulses(5).await;
    board.shows(5).await;
    let folder = board.end().await;
    let mut board = Board::start(folder, "two").await;
    board.shows(5).await;
    board.pulses(2).await;
    board.shows(7).await;
}

#[tokio::test]
async fn unsaved_pulses_are_counted_again_but_only_once() {
    let mut board = Board::start(folder(), "one").await;
    board.pulses(5).await;
    board.saved().await;
    let saved = fs::read(board.file()).unwrap();
    board.pulses(300).await;
    board.shows(305).await;
    // Regardless of the last save, nothing is counted twice.
    for file in [Some(saved), None] {
        let folder = board.killed();
        let path = folder.path().join("journal/counters");
        match &file {
            Some(saved) => fs::write(&path, saved).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let mut board = Board::start(folder, "one").await;
        board.pulses(1).await;
        board.shows(306).await;
    }
}

#[tokio::test]
async fn a_power_cut_loses_neither_saved_nor_later_pulses() {
    let mut board = Board::start(folder(), "one").await;
    board.pulses(10).await;
    board.shows(10).await;
    board.saved().await;
    let counted = board.context.journal.counted().unwrap();
    file::save(&board.file(), &counted).unwrap();
    let folder = board.killed();
    cut(folder.path(), 5);
    let mut board = Board::start(folder, "two").await;
    assert!(board.context.journal.stats().next < counted.event);
    board.shows(10).await;
    // Other events reuse their numbers.
    board.pulses(20).await;
    board.shows(30).await;
    let folder = board.end().await;
    let board = Board::start(folder, "three").await;
    board.shows(30).await;
}

#[tokio::test]
async fn a_power_cut_loses_pulses_that_were_not_on_disk() {
    let mut board = Board::start(folder(), "one").await;
    board.pulses(10).await;
    board.saved().await;
    let saved = fs::read(board.file()).unwrap();
    board.pulses(5).await;
    board.shows(15).await;
    let folder = board.killed();
    fs::write(folder.path().join("journal/counters"), saved).unwrap();
    // Two pulses.
    cut(folder.path(), 4);
    let mut board = Board::start(folder, "two").await;
    board.shows(13).await;
    board.pulses(1).await;
    board.shows(14).await;
}

#[tokio::test]
async fn a_damaged_file_is_recounted() {
    for damage in ["", "{}", "pulses", "{\"version\":1}\n00000000\n"] {
        let mut board = Board::start(folder(), "one").await;
        board.pulses(3).await;
        board.shows(3).await;
        let folder = board.end().await;
        fs::write(folder.path().join("journal/counters"), damage).unwrap();
        let board = Board::start(folder, "one").await;
        board.shows(3).await;
    }
}

#[tokio::test]
async fn file_errors_are_reported() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("journal/counters")).unwrap();
    let mut board = Board::start(folder, "one").await;
    board.pulses(3).await;
    board.shows(3).await;
    let [(part, reason)] = &board.context.status.waiting()[..] else {
        panic!("one part waits");
    };
    assert_eq!(part, "counters");
    assert!(reason.starts_with("cannot read "), "{reason}");
    assert!(reason.ends_with("not a regular file"), "{reason}");
}

#[tokio::test]
async fn a_removed_section_shows_nothing_and_returns_with_its_totals() {
    let mut board = Board::start(folder(), "one").await;
    board.pulses(3).await;
    board.shows(3).await;
    board.stop.cancel();
    (&mut board.task).await.unwrap();
    assert!(!board.context.journal.snapshot().counts());
    board.pulses(4).await;
    board.stop = CancellationToken::new();
    let run = Config::default().prepare(&board.context);
    board.task = tokio::spawn(run(board.stop.clone()));
    board.shows(7).await;
}

#[test]
fn invalid_values_are_refused_with_the_expected_form() {
    let parse = |text: &str| config::Config::parse("a.toml".as_ref(), text);
    assert_eq!(
        parse("[counters]").unwrap().counters,
        Some(Config::default())
    );
    for (text, complaint) in [
        (
            "[counters]\nsave = '0s'",
            "2: counters.save: invalid value: string \"0s\", \
             expected a duration above 0 such as \"100ms\", at most \"365days\"",
        ),
        (
            "[counters]\ninterval = '1s'",
            "2: counters.interval: unknown field `interval`, expected `save`",
        ),
        (
            "counters = true",
            "1: counters: invalid type: boolean `true`, expected a table headed `[counters]`",
        ),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert_eq!(error, format!("a.toml:{complaint}"));
    }
}
