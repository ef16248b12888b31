// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever the files of the journal have in them, a reader gets events by rising numbers and exact gaps, and the agent
//! goes on behind them.
#![no_main]

use std::{fs, path::Path};

use libfuzzer_sys::fuzz_target;
use mypoll_agent::{
    identity::Identity,
    journal::{Config, Delivery, Journal, Start, Sync},
    status::Status,
};

/// What the input begins with.
struct Settings {
    segments: usize,
    /// Whether checksums are made right, so that what is behind them is reached.
    seal: bool,
    boot: &'static str,
}

fuzz_target!(|data: &[u8]| {
    let Some((first, mut rest)) = data.split_first() else {
        return;
    };
    let settings = Settings {
        segments: usize::from(first & 3) + 1,
        seal: first & 4 == 0,
        boot: if first & 8 == 0 { "boot" } else { "other" },
    };
    // In memory, where a system has that.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    }
    .unwrap();
    let path = folder.path().join("journal");
    fs::create_dir(&path).unwrap();
    for ordinal in 1..=settings.segments {
        let length = rest.len() / (settings.segments - ordinal + 1);
        let mut segment = rest[..length].to_vec();
        rest = &rest[length..];
        if settings.seal {
            seal(&mut segment);
        }
        fs::write(path.join(format!("{ordinal:010}.segment")), segment).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(read(&path, settings.boot));
});

async fn read(path: &Path, boot: &str) {
    let config = Config {
        memory: 1000,
        path: Some(path.into()),
        size: 1 << 20,
        sync: Sync::Never,
    };
    let identity = Identity {
        machine: "board".into(),
        boot: boot.into(),
    };
    let Ok((journal, writer)) = Journal::open(identity, &config, &Status::default()) else {
        return;
    };
    let stats = journal.stats();
    assert!((1..=stats.next).contains(&stats.first), "{stats:?}");
    for start in [Start::Oldest, Start::After(journal.era().session, 0)] {
        let mut cursor = journal.cursor(start);
        let mut next = cursor.position();
        while next < stats.next {
            match cursor.next().await {
                Some(Delivery::Events(batch)) => {
                    assert_eq!(batch.first(), next);
                    next = batch.next();
                }
                Some(Delivery::Gap(gap)) => {
                    assert_ne!(gap.missed, 0);
                    next += gap.missed;
                }
                Some(Delivery::Era(_)) => {}
                None => panic!("the journal ended at {next}"),
            }
            assert_eq!(cursor.position(), next);
        }
        assert_eq!(next, stats.next);
    }
    writer.close().await;
}

/// Puts in what a reader looks at first: the header's beginning, and checksums.
fn seal(segment: &mut [u8]) {
    let Some((header, mut records)) = segment.split_at_mut_checked(96) else {
        return;
    };
    header[..10].copy_from_slice(b"MYPOLLJ\n\x01\0");
    let checksum = crc32fast::hash(&header[..92]);
    header[92..].copy_from_slice(&checksum.to_le_bytes());
    while let [_, _, _, _, low, high, ..] = *records {
        let length = 8 + usize::from(u16::from_le_bytes([low, high]));
        let Some((record, rest)) = records.split_at_mut_checked(length) else {
            return;
        };
        let checksum = crc32fast::hash(&record[4..]);
        record[..4].copy_from_slice(&checksum.to_le_bytes());
        records = rest;
    }
}
