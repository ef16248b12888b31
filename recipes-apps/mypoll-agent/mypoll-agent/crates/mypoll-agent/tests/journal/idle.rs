// SPDX-License-Identifier: MIT OR Apache-2.0
//! Without events the journal writes nothing, and its threads sleep.

use std::{collections::BTreeMap, fs, thread, time::Duration};

use mypoll_agent::status::Status;

use super::{
    append, open,
    process::{child, folder_of_child},
};

#[test]
fn without_events_nothing_is_written_and_no_thread_wakes() {
    let Some(folder) = folder_of_child() else {
        let folder = tempfile::tempdir().unwrap();
        let name = "idle::without_events_nothing_is_written_and_no_thread_wakes";
        let output = child(&[], name, folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (_journal, mut writer) = open(&folder, 1 << 20, &Status::default());
    runtime.block_on(append(&mut writer, 100));
    let mut before = switches();
    assert_eq!(before.len(), 2, "{before:?}");
    // The last sync runs, and then nothing more happens.
    loop {
        thread::sleep(Duration::from_millis(1500));
        let now = switches();
        if now == before {
            break;
        }
        before = now;
    }
    let written = written();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(switches(), before);
    assert_eq!(self::written(), written);
}

/// How often each of the journal's threads went to sleep.
fn switches() -> BTreeMap<String, String> {
    fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| {
            let task = task.unwrap().path();
            let name = fs::read_to_string(task.join("comm")).ok()?;
            let status = fs::read_to_string(task.join("status")).ok()?;
            let line = status
                .lines()
                .find(|line| line.starts_with("voluntary_ctxt_switches"))?;
            ["journal", "journal-sync"]
                .contains(&name.trim())
                .then(|| (name.trim().to_owned(), line.to_owned()))
        })
        .collect()
}

/// The number of write calls, and of bytes written to the disk.
fn written() -> Vec<String> {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    io.lines()
        .filter(|line| line.starts_with("syscw") || line.starts_with("write_bytes"))
        .map(str::to_owned)
        .collect()
}
