// SPDX-License-Identifier: MIT OR Apache-2.0
//! The format of a segment: a header, then records. See docs/journal-format.md.

use std::sync::Arc;

use crate::{
    event::{Event, Kind, Reading, Source, WallTime},
    identity::SessionId,
    journal::Era,
};

/// The supported version.
pub(crate) const VERSION: u16 = 1;

const MAGIC: &[u8; 8] = b"MYPOLLJ\n";

/// The start of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The era of all events in the segment.
    pub(crate) era: Arc<Era>,
    /// The number of the session's first event.
    pub(crate) session_first: u64,
    /// The number of the segment's first event.
    pub(crate) first: u64,
    /// The source's total of lost events before that event.
    pub(crate) lost: u64,
}

/// Why a header is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    /// The file is too short: its creation was interrupted.
    Short,
    /// It is damaged.
    Damaged,
    /// It is whole, but of another version.
    Version(u16),
}

impl Header {
    /// Its size in bytes.
    pub(crate) const LENGTH: usize = 96;

    /// Size of the boot identifier in bytes; a UUID has 36.
    pub(crate) const BOOT: usize = 40;

    pub(crate) fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let boot = self.era.boot.as_bytes();
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.era.session.0);
        bytes[24..24 + boot.len()].copy_from_slice(boot);
        bytes[64..72].copy_from_slice(&self.session_first.to_le_bytes());
        bytes[72..80].copy_from_slice(&self.first.to_le_bytes());
        bytes[80..88].copy_from_slice(&self.lost.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..92]);
        bytes[92..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Decodes the first bytes of a file.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        let mut fields = Fields(bytes);
        let header = (|| {
            let magic = fields.array::<8>()?;
            let version = fields.u16()?;
            fields.array::<6>()?;
            let session = SessionId(fields.array()?);
            let boot = fields.array::<{ Self::BOOT }>()?;
            let (session_first, first, lost) = (fields.u64()?, fields.u64()?, fields.u64()?);
            fields.array::<4>()?;
            let whole = crc32fast::hash(&bytes[..92]) == fields.u32()?;
            Some((
                magic,
                version,
                session,
                boot,
                session_first,
                first,
                lost,
                whole,
            ))
        })();
        let Some((magic, version, session, boot, session_first, first, lost, whole)) = header
        else {
            return Err(BadHeader::Short);
        };
        let length = boot.iter().position(|byte| *byte == 0);
        let boot = std::str::from_utf8(&boot[..length.unwrap_or(Self::BOOT)]);
        let (Ok(boot), true, true) = (boot, whole, magic == *MAGIC) else {
            return Err(BadHeader::Damaged);
        };
        if version != VERSION {
            return Err(BadHeader::Version(version));
        }
        let numbers = (1..=first).contains(&session_first) && first < LIMIT && lost < LIMIT;
        if !numbers {
            return Err(BadHeader::Damaged);
        }
        let boot = boot.into();
        Ok(Self {
            era: Arc::new(Era { session, boot }),
            session_first,
            first,
            lost,
        })
    }
}

/// Upper bound of event numbers: JavaScript counts to 2^53.
pub(crate) const LIMIT: u64 = 1 << 53;

/// A record's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// An event, and the source's total of lost events after it.
    Event(Event, u64),
    /// A clean shutdown: everything before it was synced.
    End,
    /// A record of a later version, or one that is not needed.
    Other,
}

/// The start of a record: checksum, length, type.
pub(crate) const RECORD_HEADER: usize = 8;

const EVENT: u16 = 1;
const END: u16 = 2;

/// Size of an event without its label.
const EVENT_LENGTH: usize = 49;

const SYNCHRONIZED: u8 = 1;
const LABELLED: u8 = 2;

/// Appends an event to `bytes`; `lost` is the source's total of lost events after it.
pub(crate) fn encode_event(event: &Event, lost: u64, bytes: &mut Vec<u8>) {
    record(EVENT, bytes, |bytes| {
        let Reading {
            timestamp_ns,
            source,
            kind,
            line,
            value,
            lost: lost_before,
        } = event.reading;
        bytes.extend(event.sequence.to_le_bytes());
        bytes.extend(timestamp_ns.to_le_bytes());
        bytes.extend(event.time.unix_ns.to_le_bytes());
        bytes.extend(lost.to_le_bytes());
        bytes.extend(lost_before.to_le_bytes());
        bytes.extend(line.to_le_bytes());
        bytes.extend(value.to_le_bytes());
        bytes.extend(source.0.to_le_bytes());
        bytes.extend(kind.0.to_le_bytes());
        let synchronized = if event.time.synchronized {
            SYNCHRONIZED
        } else {
            0
        };
        let labelled = if event.label.is_some() { LABELLED } else { 0 };
        bytes.push(synchronized | labelled);
        let label = event.label.as_deref().unwrap_or_default();
        bytes.extend(cut(label).as_bytes());
    });
}

/// The longest stored label, in bytes.
const MAX_LABEL: usize = 1024;

/// The stored part of a label.
fn cut(label: &str) -> &str {
    let end = (0..=label.len().min(MAX_LABEL))
        .rev()
        .find(|end| label.is_char_boundary(*end));
    &label[..end.unwrap_or(0)]
}

/// Appends the record of a clean shutdown to `bytes`.
pub(crate) fn encode_end(bytes: &mut Vec<u8>) {
    record(END, bytes, |_| {});
}

fn record(kind: u16, bytes: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    bytes.extend([0; 6]);
    bytes.extend(kind.to_le_bytes());
    payload(bytes);
    let length = (bytes.len() - start - RECORD_HEADER) as u16;
    bytes[start + 4..start + 6].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[start + 4..]);
    bytes[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
}

/// The result of decoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// A record of this many bytes.
    Record(Record, usize),
    /// The start of a record of this many bytes.
    Partial(usize),
    /// Not a record.
    Damaged,
}

/// Decodes the record at the start of `bytes`.
pub(crate) fn decode(bytes: &[u8]) -> Decoded {
    let mut fields = Fields(bytes);
    let (Some(checksum), Some(length), Some(kind)) = (fields.u32(), fields.u16(), fields.u16())
    else {
        return Decoded::Partial(RECORD_HEADER);
    };
    let length = RECORD_HEADER + usize::from(length);
    let Some(record) = bytes.get(..length) else {
        return Decoded::Partial(length);
    };
    if crc32fast::hash(&record[4..]) != checksum {
        return Decoded::Damaged;
    }
    let payload = &record[RECORD_HEADER..];
    match kind {
        EVENT => event(payload).map_or(Decoded::Damaged, |(event, lost)| {
            Decoded::Record(Record::Event(event, lost), length)
        }),
        END => Decoded::Record(Record::End, length),
        _ => Decoded::Record(Record::Other, length),
    }
}

/// Whether an event may start here: a cheap check, to find one after damaged bytes.
pub(crate) fn may_be_event(bytes: &[u8]) -> bool {
    let mut fields = Fields(bytes.get(4..).unwrap_or_default());
    let length = fields.u16().map_or(0, usize::from);
    fields.u16() == Some(EVENT) && (EVENT_LENGTH..=EVENT_LENGTH + MAX_LABEL).contains(&length)
}

fn event(payload: &[u8]) -> Option<(Event, u64)> {
    let mut fields = Fields(payload);
    let sequence = fields.u64()?;
    let timestamp_ns = fields.u64()?;
    let unix_ns = fields.u64()?;
    let lost_until = fields.u64()?;
    let lost = fields.u32()?;
    let line = fields.u32()?;
    let value = fields.u32()?;
    let source = Source(fields.u16()?);
    let kind = Kind(fields.u16()?);
    let [flags] = fields.array()?;
    let label = std::str::from_utf8(fields.0).ok()?;
    let possible = (1..LIMIT).contains(&sequence) && (u64::from(lost)..LIMIT).contains(&lost_until);
    possible.then(|| {
        let event = Event {
            sequence,
            reading: Reading {
                timestamp_ns,
                source,
                kind,
                line,
                value,
                lost,
            },
            time: WallTime {
                unix_ns,
                synchronized: flags & SYNCHRONIZED != 0,
            },
            label: (flags & LABELLED != 0).then(|| label.into()),
        };
        (event, lost_until)
    })
}

/// Reads numbers from the start of bytes.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
