// SPDX-License-Identifier: MIT OR Apache-2.0
//! The format matches docs/journal-format.md.

use std::{io::Read, sync::Arc};

use proptest::prelude::*;

use crate::{
    event::{Event, Kind, Reading, Source, WallTime},
    identity::SessionId,
    journal::{
        Era,
        disk::{
            format::{self, BadHeader, Decoded, Header, Record},
            records::{Item, Records, Tail},
        },
    },
};

fn header() -> Header {
    Header {
        era: Arc::new(Era {
            session: SessionId(*b"session1"),
            boot: "0d7c9a52-3b6f-4e1c-a6bb-0d1f6c1f8a77".into(),
        }),
        session_first: 3,
        first: 0x1122,
        lost: 7,
    }
}

fn event(sequence: u64, label: Option<&str>) -> Event {
    Event {
        sequence,
        reading: Reading {
            timestamp_ns: u64::MAX,
            source: Source(3),
            kind: Kind(0x8000),
            line: 12,
            value: 1,
            lost: 5,
        },
        time: WallTime {
            unix_ns: 9,
            synchronized: true,
        },
        label: label.map(Into::into),
    }
}

fn records(events: &[Event]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        format::encode_event(event, 5, &mut bytes);
    }
    bytes
}

#[test]
fn a_header_is_as_documented() {
    let bytes = header().encode();
    assert_eq!(bytes[..16], *b"MYPOLLJ\n\x01\0\0\0\0\0\0\0");
    assert_eq!(
        bytes[16..64],
        *b"session10d7c9a52-3b6f-4e1c-a6bb-0d1f6c1f8a77\0\0\0\0"
    );
    assert_eq!(
        bytes[64..88],
        *b"\x03\0\0\0\0\0\0\0\x22\x11\0\0\0\0\0\0\x07\0\0\0\0\0\0\0"
    );
    assert_eq!(Header::decode(&bytes), Ok(header()));
    assert_eq!(Header::decode(&bytes[..95]), Err(BadHeader::Short));
    let mut other = bytes;
    other[8] = 2;
    assert_eq!(Header::decode(&other), Err(BadHeader::Damaged));
    let checksum = crc32fast::hash(&other[..92]);
    other[92..].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(Header::decode(&other), Err(BadHeader::Version(2)));
}

#[test]
fn a_record_is_as_documented() {
    let bytes = records(&[event(0x99, Some("door"))]);
    assert_eq!(bytes.len(), 8 + 49 + 4);
    assert_eq!(bytes[4..8], *b"\x35\0\x01\0");
    assert_eq!(bytes[8..16], *b"\x99\0\0\0\0\0\0\0");
    assert_eq!(bytes[16..24], [0xff; 8]);
    assert_eq!(bytes[24..40], *b"\x09\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0");
    assert_eq!(
        bytes[40..56],
        *b"\x05\0\0\0\x0c\0\0\0\x01\0\0\0\x03\0\0\x80"
    );
    assert_eq!(bytes[56..], *b"\x03door");
    let mut end = Vec::new();
    format::encode_end(&mut end);
    assert_eq!(end[4..], *b"\0\0\x02\0");
    assert_eq!(format::decode(&end), Decoded::Record(Record::End, 8));
    assert_eq!(format::decode(&[0; 100]), Decoded::Damaged);
}

#[test]
fn a_long_label_is_cut_at_a_character() {
    let label = "é".repeat(700);
    let bytes = records(&[event(1, Some(&format!("a{label}")))]);
    let Decoded::Record(Record::Event(event, _), _) = format::decode(&bytes) else {
        panic!();
    };
    assert_eq!(event.label.unwrap().len(), 1023);
}

#[test]
fn a_record_of_a_later_version_is_skipped() {
    let mut bytes = records(&[event(1, None)]);
    let mut later = b"\0\0\0\0\x03\0\x09\0new".to_vec();
    let checksum = crc32fast::hash(&later[4..]);
    later[..4].copy_from_slice(&checksum.to_le_bytes());
    bytes.extend(later);
    bytes.extend(records(&[event(2, None)]));
    assert_eq!(found(&bytes[..]), (vec![1, 2], Tail::Whole, None));
}

/// The numbers of the events, the tail, and where the first damage is.
fn found(bytes: impl Read) -> (Vec<u64>, Tail, Option<u64>) {
    let mut records = Records::new(bytes, 0);
    let mut numbers = Vec::new();
    loop {
        match records.next().unwrap() {
            Item::Event(event, _) => numbers.push(event.sequence),
            Item::End => {}
            Item::Tail(tail) => return (numbers, tail, records.damaged()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn damage_takes_only_what_it_hits(
        labels in proptest::collection::vec("[a-z]{0,3}", 1..900),
        at in any::<prop::sample::Index>(),
        flip in 1..=255u8,
        length in 1..200usize,
    ) {
        let events: Vec<_> = (1..).zip(&labels).map(|(number, label)| event(number, Some(label))).collect();
        let mut bytes = records(&events);
        let at = at.index(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes[at..end].iter_mut().for_each(|byte| *byte ^= flip);
        let mut start = 0;
        let mut hit = Vec::new();
        for event in &events {
            let record = start..start + 57 + event.label.as_ref().unwrap().len();
            start = record.end;
            if record.start < end && at < record.end {
                hit.push(event.sequence);
            }
        }
        let (numbers, tail, _) = found(&bytes[..]);
        let expected: Vec<_> = (1..=events.len() as u64).filter(|number| !hit.contains(number)).collect();
        prop_assert_eq!(numbers, expected);
        prop_assert_eq!(tail != Tail::Whole, hit.contains(&(events.len() as u64)));
    }

    #[test]
    fn a_cut_leaves_the_whole_records_before_it(count in 1..1500usize, at in any::<prop::sample::Index>()) {
        let events: Vec<_> = (1..=count as u64).map(|number| event(number, None)).collect();
        let bytes = records(&events);
        let at = at.index(bytes.len());
        let (numbers, tail, damaged) = found(&bytes[..at]);
        prop_assert_eq!(numbers, (1..=(at / 57) as u64).collect::<Vec<_>>());
        prop_assert_eq!(tail, if at % 57 == 0 { Tail::Whole } else { Tail::Torn });
        prop_assert_eq!(damaged, None);
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = Header::decode(&bytes);
        found(&bytes[..]);
    }
}
