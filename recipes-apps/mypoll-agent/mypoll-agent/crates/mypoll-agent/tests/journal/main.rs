// SPDX-License-Identifier: MIT OR Apache-2.0
//! The journal on disk, from outside: killed agents, full disks, idle ones.

mod full_disk;
mod idle;
mod kill;

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use mypoll_agent::{
    event::{Kind, Reading, Source},
    identity::Identity,
    journal::{Config, Journal, Update, Writer},
    status::Status,
};

fn open(folder: &Path, memory: usize, status: &Status) -> (Journal, Writer) {
    let identity = Identity {
        machine: "board".into(),
        boot: "boot".into(),
    };
    let config = Config {
        memory,
        path: Some(folder.join("journal")),
        ..Config::default()
    };
    Journal::open(identity, &config, status).unwrap()
}

async fn append(writer: &mut Writer, count: usize) {
    let tick = Reading {
        timestamp_ns: 0,
        source: Source::TIMER,
        kind: Kind::TICK,
        line: 0,
        value: 1,
        lost: 1,
    };
    let readings = vec![tick; count];
    let lines = None;
    writer.append(Update { readings, lines }).await;
}

/// Says to a test that it is the child.
const CHILD: &str = "MYPOLL_JOURNAL_TEST";

/// The test `name` as a process of its own, for which [`folder_of_child`] is `folder`.
fn child(wrapper: &[&str], name: &str, folder: &Path) -> Command {
    let test = env::current_exe().unwrap();
    let mut words = wrapper.iter().map(Path::new).chain([test.as_path()]);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args(["--exact", "--nocapture", name])
        .env(CHILD, folder)
        .stdin(Stdio::null());
    command
}

fn folder_of_child() -> Option<std::path::PathBuf> {
    env::var_os(CHILD).map(Into::into)
}
