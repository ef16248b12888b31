// SPDX-License-Identifier: MIT OR Apache-2.0
//! A full disk: events continue in memory, and the gap on disk is reported exactly.

use std::{path::Path, time::Duration};

use mypoll_agent::{
    journal::{Delivery, Era, Gap, Start},
    status::Status,
};
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    signal::{SigHandler, Signal, signal},
};

use super::{
    append, open,
    process::{SmallDisk, with_mounts},
};

#[test]
fn failed_writes_leave_a_gap_that_is_reported_exactly() {
    let test = "full_disk::failed_writes_leave_a_gap_that_is_reported_exactly";
    if let Some(folder) = with_mounts(test) {
        run(&folder, refuse_writes());
    }
}

/// Makes every write of this process fail, or succeed again.
fn refuse_writes() -> impl Fn(bool) {
    // With this signal ignored, a refused write is an error.
    #[expect(unsafe_code, reason = "a handler could break the process")]
    // SAFETY: no handler runs for an ignored signal.
    unsafe {
        signal(Signal::SIGXFSZ, SigHandler::SigIgn).unwrap();
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    move |full| setrlimit(Resource::RLIMIT_FSIZE, if full { 0 } else { hard }, hard).unwrap()
}

#[test]
fn a_full_file_system_leaves_a_gap_that_is_reported_exactly() {
    let test = "full_disk::a_full_file_system_leaves_a_gap_that_is_reported_exactly";
    let Some(folder) = with_mounts(test) else {
        return;
    };
    let Some(disk) = SmallDisk::mount(&folder) else {
        // No namespaces here: refuse writes instead.
        return run(&folder, refuse_writes());
    };
    run(&folder, |full| {
        if full {
            // Some events still fit.
            disk.fill(4096);
        } else {
            disk.clear();
        }
    });
}

fn run(folder: &Path, full: impl Fn(bool)) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(fail_and_recover(folder, full));
}

/// The source lost one event before each.
async fn fail_and_recover(folder: &Path, full: impl Fn(bool)) {
    let status = Status::default();
    let (journal, mut writer) = open(folder, 1 << 20, &status);
    let mut client = journal.cursor(Start::Now);
    append(&mut writer, 100).await;
    let before = journal.era();
    assert!(journal.is_kept_from(1));
    full(true);
    // Events that fit are written, and later ones are not.
    while status.waiting().is_empty() {
        append(&mut writer, 100).await;
    }
    let text = status.to_json()["journal"]["reason"].to_string();
    assert!(
        text.contains("cannot write") && text.contains("journal"),
        "{text}"
    );
    let during = journal.era();
    assert_ne!(during.session, before.session);
    append(&mut writer, 100).await;
    assert!(!journal.is_kept_from(1) && !journal.is_kept_from(journal.stats().next - 1));
    assert!(journal.is_kept_from(journal.stats().next));
    full(false);
    while !status.waiting().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    append(&mut writer, 100).await;
    assert_eq!(journal.era(), during);
    let next = journal.stats().next;
    assert!(!journal.is_kept_from(1) && !journal.is_kept_from(next - 101));
    assert!(journal.is_kept_from(next - 100));

    // A client that was connected saw everything.
    let (numbers, eras, gaps) = read_to(&mut client, next).await;
    assert!(numbers.into_iter().eq(1..next));
    assert_eq!((eras.len(), gaps.len()), (1, 0));

    writer.close().await;
    drop((journal, client));
    let (journal, mut writer) = open(folder, 4096, &status);
    assert_eq!((journal.era(), journal.stats().next), (during, next));
    append(&mut writer, 1).await;
    let mut client = journal.cursor(Start::After(before.session, 50));
    let (numbers, eras, gaps) = read_to(&mut client, next + 1).await;
    let [Gap { missed, lost }] = gaps[..] else {
        panic!("{gaps:?}");
    };
    assert!(missed >= 100 && lost == Some(missed), "{missed} {lost:?}");
    assert_eq!(eras.len(), 2);
    let hole = next - 100 - missed..next - 100;
    assert!(
        numbers
            .into_iter()
            .eq((51..=next).filter(|number| !hole.contains(number)))
    );
}

async fn read_to(
    client: &mut mypoll_agent::journal::Cursor,
    end: u64,
) -> (Vec<u64>, Vec<std::sync::Arc<Era>>, Vec<Gap>) {
    let (mut numbers, mut eras, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
    while client.position() < end {
        match client.next().await.unwrap() {
            Delivery::Events(batch) => numbers.extend(batch.events().map(|event| event.sequence)),
            Delivery::Era(era) => eras.push(era),
            Delivery::Gap(gap) => gaps.push(gap),
        }
    }
    (numbers, eras, gaps)
}
