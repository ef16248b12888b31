// SPDX-License-Identifier: MIT OR Apache-2.0
//! A disk without room: events go on in memory, and the hole on disk is told exactly.

use std::{fs, path::Path, process::Command, time::Duration};

use mypoll_agent::{
    journal::{Delivery, Era, Gap, Start},
    status::Status,
};
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    signal::{SigHandler, Signal, signal},
};

use super::{append, child, folder_of_child, open};

/// Each test is run in a process of its own, as it changes that process.
fn in_child(wrapper: &[&str], name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = child(wrapper, name, folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
fn writes_that_fail_are_a_hole_that_is_told_exactly() {
    let Some(folder) = folder_of_child() else {
        return in_child(
            &[],
            "full_disk::writes_that_fail_are_a_hole_that_is_told_exactly",
        );
    };
    run(&folder, refuse_writes());
}

/// Has every write of this process fail, or not.
fn refuse_writes() -> impl Fn(bool) {
    // A write that is refused is an error only where this signal is ignored.
    #[expect(unsafe_code, reason = "a handler could break the process")]
    // SAFETY: no handler runs for an ignored signal.
    unsafe {
        signal(Signal::SIGXFSZ, SigHandler::SigIgn).unwrap();
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    move |full| setrlimit(Resource::RLIMIT_FSIZE, if full { 0 } else { hard }, hard).unwrap()
}

#[test]
fn a_full_file_system_is_a_hole_that_is_told_exactly() {
    let Some(folder) = folder_of_child() else {
        let test = "full_disk::a_full_file_system_is_a_hole_that_is_told_exactly";
        let may = |wrapper: &[&str]| {
            let (program, arguments) = wrapper.split_first().unwrap();
            let tried = Command::new(program).args(arguments).arg("true").output();
            tried.is_ok_and(|output| output.status.success())
        };
        let wrappers: [&[&str]; 2] = [
            &["unshare", "--mount"],
            &["unshare", "--mount", "--map-root-user"],
        ];
        let wrapper = wrappers.into_iter().find(|wrapper| may(wrapper));
        return in_child(wrapper.unwrap_or_default(), test);
    };
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(&folder)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        // No namespaces here: the same by other means.
        return run(&folder, refuse_writes());
    }
    let filler = folder.join("filler");
    run(&folder, |full| {
        if full {
            // Down to a rest in which some events still fit.
            let _ = fs::write(&filler, vec![0; 2 << 20]);
            let file = fs::File::options().write(true).open(&filler).unwrap();
            file.set_len(file.metadata().unwrap().len() - 4096).unwrap();
        } else {
            fs::remove_file(&filler).unwrap();
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

/// Each event lost one before it.
async fn fail_and_recover(folder: &Path, full: impl Fn(bool)) {
    let status = Status::default();
    let (journal, mut writer) = open(folder, 1 << 20, &status);
    let mut client = journal.cursor(Start::Now);
    append(&mut writer, 100).await;
    let before = journal.era();
    full(true);
    // Those that fit are written, and the next are not.
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
    full(false);
    while !status.waiting().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    append(&mut writer, 100).await;
    assert_eq!(journal.era(), during);
    let next = journal.stats().next;

    // A client that was there saw all of it.
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
