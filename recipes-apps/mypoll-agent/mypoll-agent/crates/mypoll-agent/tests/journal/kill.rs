// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIGKILL: events that a client saw are on disk, and the next agent continues after them.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use mypoll_agent::{
    identity::SessionId,
    journal::{Delivery, Start},
    status::Status,
};
use nix::{
    sys::{
        signal::{Signal, kill},
        stat::Mode,
    },
    unistd::{Pid, mkfifo},
};

use super::{
    append, open,
    process::{child, folder_of_child},
};

#[test]
fn a_killed_agent_loses_nothing_that_a_client_saw() {
    if let Some(folder) = folder_of_child() {
        return runtime().block_on(write_until_killed(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut seen = (String::new(), 0);
    for lines in [1, 7, 100, 1000, 3000] {
        let name = "kill::a_killed_agent_loses_nothing_that_a_client_saw";
        let mut agent = child(&[], name, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(agent.stdout.take().unwrap());
        // The last line may be incomplete, with a lower number.
        let mut events = output.lines().map(Result::unwrap).filter_map(|line| {
            let (session, number) = line.strip_prefix("event ")?.split_once(' ')?;
            Some((session.to_owned(), number.parse::<u64>().ok()?))
        });
        let before = seen.1;
        for event in events.by_ref().take(lines) {
            assert!(before == 0 || event == (seen.0, seen.1 + 1));
            seen = event;
        }
        assert_eq!(seen.1, before + lines as u64);
        agent.kill().unwrap();
        agent.wait().unwrap();
        let rest = events.map(|(_, number)| number).max();
        seen.1 = seen.1.max(rest.unwrap_or(0));
        seen.1 = runtime().block_on(holds(folder.path(), &seen.0, seen.1));
    }
}

/// Appends events, and prints those that a client gets, until it is killed.
async fn write_until_killed(folder: &Path) {
    let (journal, mut writer) = open(folder, 1 << 20, &Status::default());
    let mut client = journal.cursor(Start::Now);
    let mut output = std::io::stdout();
    loop {
        append(&mut writer, 3).await;
        let Some(Delivery::Events(batch)) = client.next().await else {
            panic!("no event");
        };
        let session = batch.era().session;
        for event in batch.events() {
            writeln!(output, "event {session} {}", event.sequence).unwrap();
        }
    }
}

/// Checks that all events up to `last` are on disk, in one session. Returns the last one on disk.
async fn holds(folder: &Path, session: &str, last: u64) -> u64 {
    let (journal, writer) = open(folder, 4096, &Status::default());
    let session = SessionId::parse(session).unwrap();
    assert_eq!(journal.era().session, session);
    let mut client = journal.cursor(Start::After(session, 0));
    let mut next = 1;
    while next <= last {
        match client.next().await {
            Some(Delivery::Events(batch)) => {
                assert_eq!(batch.first(), next);
                next = batch.next();
            }
            other => panic!("{other:?} at {next} of {last}"),
        }
    }
    writer.close().await;
    journal.stats().next - 1
}

#[test]
fn a_killed_agent_keeps_its_events_and_a_clean_end_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let journal = folder.path().join("journal");
    let config = folder.path().join("agent.toml");
    let text = format!("[journal]\npath = {journal:?}\n[simulated]\npath = {fifo:?}\n");
    fs::write(&config, text).unwrap();
    let segment = journal.join("0000000001.segment");
    let mut length = 96;
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let mut agent = Command::new(env!("CARGO_BIN_EXE_mypoll-agent"))
            .arg("--config")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut source = File::options().write(true).open(&fifo).unwrap();
        source.write_all(&b"tick\n".repeat(500)).unwrap();
        length += 500 * 57;
        wait_for(|| fs::metadata(&segment).is_ok_and(|file| file.len() == length));
        kill(Pid::from_raw(agent.id() as i32), signal).unwrap();
        agent.wait().unwrap();
    }
    let bytes = fs::read(&segment).unwrap();
    assert_eq!(bytes.len() as u64, length + 8, "a clean end is a record");
}

fn wait_for(condition: impl Fn() -> bool) {
    for _ in 0..3000 {
        if condition() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("30 s passed");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
