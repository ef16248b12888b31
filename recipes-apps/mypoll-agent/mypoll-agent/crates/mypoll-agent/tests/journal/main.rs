// SPDX-License-Identifier: MIT OR Apache-2.0
//! The journal on disk, from outside: killed agents, full disks, idle ones.

mod full_disk;
mod idle;
mod kill;
#[path = "../common/process.rs"]
mod process;

use std::path::Path;

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
