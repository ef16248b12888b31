// SPDX-License-Identifier: MIT OR Apache-2.0
//! Damaged and missing segments.

use super::*;
use crate::journal::{OpenError, disk::format::Header};

/// About ten segments with 2560 events; the source lost one event before each.
async fn board() -> Board {
    let mut board = Board::new(4096, 1 << 20);
    for _ in 0..40 {
        board.append([1; 256]).await;
    }
    assert!(segments(&board.path()).len() > 5);
    board
}

fn change(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// The first event of a segment.
fn first(file: &Path) -> u64 {
    Header::decode(&fs::read(file).unwrap()).unwrap().first
}

#[tokio::test]
async fn one_wrong_byte_loses_one_event() {
    let mut board = board().await;
    let session = board.session();
    let third = segments(&board.path())[2].clone();
    let damaged = first(&third) + 100;
    // One reader from before the restart, and one from after it.
    let mut client = board.journal.cursor(Start::Now);
    board.append([1]).await;
    assert_eq!(read_to(&mut client, 10241).await.len(), 1);
    let mut client = board.journal.cursor(Start::Oldest);
    read_to(&mut client, 1).await;
    change(&third, |bytes| bytes[Header::LENGTH + 100 * 57 + 20] ^= 1);
    let got = read_to(&mut client, 10241).await;
    let (missed, lost) = (1, Some(1));
    assert_eq!(gaps(&got), [Gap { missed, lost }]);
    let board = board.restart(Ending::Killed, false, |_| ()).await;
    assert_eq!(board.session(), session);
    let got = read_to(&mut board.resume(session, 0), 10241).await;
    assert_eq!(gaps(&got), [Gap { missed, lost }]);
    assert!(
        numbers(&got)
            .into_iter()
            .eq((1..=10241).filter(|number| *number != damaged))
    );
}

#[tokio::test]
async fn a_wrong_header_or_a_missing_segment_loses_only_its_own_events() {
    let board = board().await;
    let session = board.session();
    let files = segments(&board.path());
    let missing = first(&files[2])..first(&files[3]);
    let wrong = first(&files[4])..first(&files[5]);
    let names: Vec<_> = files
        .iter()
        .map(|file| file.file_name().unwrap().to_owned())
        .collect();
    let board = board
        .restart(Ending::Killed, false, |folder| {
            fs::remove_file(folder.join(&names[2])).unwrap();
            change(&folder.join(&names[4]), |bytes| bytes[64] ^= 1);
        })
        .await;
    assert_eq!(board.session(), session);
    let got = read_to(&mut board.resume(session, 0), 10240).await;
    let gap = |range: &std::ops::Range<u64>| {
        let missed = range.end - range.start;
        let lost = Some(missed);
        Gap { missed, lost }
    };
    assert_eq!(gaps(&got), [gap(&missing), gap(&wrong)]);
    assert_eq!(
        numbers(&got).len() as u64,
        10240 - gap(&missing).missed - gap(&wrong).missed
    );
}

#[tokio::test]
async fn damage_at_the_end_starts_a_new_session() {
    // In the same boot: delivered events are missing, so their numbers must not be reused.
    for wrong_header in [false, true] {
        let board = board().await;
        let session = board.session();
        let last = segments(&board.path()).pop().unwrap();
        let expected = if wrong_header { first(&last) } else { 10240 };
        let mut board = board
            .restart(Ending::Killed, false, |folder| {
                change(&segments(folder).pop().unwrap(), |bytes| {
                    let at = if wrong_header { 20 } else { bytes.len() - 5 };
                    bytes[at] ^= 1;
                });
            })
            .await;
        assert_ne!(board.session(), session);
        assert_eq!(board.journal.stats().next, expected);
        board.append([1]).await;
        let got = read_to(&mut board.resume(session, 0), expected).await;
        assert!(numbers(&got).into_iter().eq(1..=expected));
        assert_eq!(eras(&got).len(), 2);
    }
}

#[tokio::test]
async fn a_segment_out_of_sequence_is_skipped() {
    let board = board().await;
    let session = board.session();
    let old = |folder: &Path| {
        fs::copy(&segments(folder)[1], folder.join("0000000099.segment")).unwrap();
    };
    let mut board = board.restart(Ending::Killed, false, old).await;
    assert_ne!(board.session(), session);
    for _ in 0..2 {
        board.append([1]).await;
        board = board.restart(Ending::Killed, false, |_| ()).await;
    }
    let got = read_to(&mut board.resume(session, 0), 10242).await;
    assert!(numbers(&got).into_iter().eq(1..=10242));
    assert_eq!(eras(&got).len(), 2);
}

#[tokio::test]
async fn a_torn_write_is_truncated_and_the_session_continues() {
    let board = board().await;
    let session = board.session();
    let tear = |folder: &Path| {
        change(&segments(folder).pop().unwrap(), |bytes| {
            let start = bytes.len() - 57;
            bytes.extend_from_within(start..start + 40);
        });
    };
    let mut board = board.restart(Ending::Killed, false, tear).await;
    assert_eq!(board.session(), session);
    board.append([0]).await;
    let board = board.restart(Ending::Killed, false, |_| ()).await;
    let got = read_to(&mut board.resume(session, 0), 10241).await;
    assert!(numbers(&got).into_iter().eq(1..=10241));
    // The file was just created.
    let begin = |folder: &Path| fs::write(folder.join("0000000099.segment"), b"MYPOLL").unwrap();
    let board = board.restart(Ending::Killed, false, begin).await;
    assert_eq!(board.session(), session);
    assert!(!board.path().join("0000000099.segment").exists());
}

#[tokio::test]
async fn a_file_of_another_version_is_an_error_that_names_it() {
    let board = board().await;
    let file = segments(&board.path())[1].clone();
    change(&file, |bytes| {
        bytes[8] = 7;
        let checksum = crc32fast::hash(&bytes[..92]);
        bytes[92..96].copy_from_slice(&checksum.to_le_bytes());
    });
    let Board {
        folder: _folder,
        config,
        journal,
        writer,
        ..
    } = board;
    writer.close().await;
    drop(journal);
    let error = Journal::open(identity(1), &config, &Status::default())
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::Version { version: 7, .. }));
    let text = error.to_string();
    assert!(
        text.contains(file.to_str().unwrap()) && text.contains("move the folder away"),
        "{text}"
    );
}
