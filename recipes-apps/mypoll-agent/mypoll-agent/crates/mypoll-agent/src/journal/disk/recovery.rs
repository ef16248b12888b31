// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scans the directory at startup, and decides whether its session continues.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Read},
    path::Path,
    sync::{Arc, Mutex},
};

use tracing::{debug, warn};

use super::{
    Directory, OpenError,
    format::{BadHeader, Header},
    index::{Index, Segment},
    lock::Lock,
    ordinal_of,
    records::{Item, Records, Tail},
};
use crate::{
    file,
    identity::{Identity, SessionId},
    journal::{Era, Sessions, note},
};

/// The content of the directory.
pub(in crate::journal) struct Recovered {
    pub(in crate::journal) directory: Arc<Directory>,
    /// All sessions on disk; the last one continues or is new.
    pub(in crate::journal) sessions: Sessions,
    /// The header of the next segment.
    pub(in crate::journal) next: Header,
    /// Whether the last segment has the same era and may be appended to.
    pub(super) append: bool,
    /// The number of the next segment.
    pub(super) ordinal: u64,
}

/// The end of the last segment.
struct End {
    next: u64,
    lost: u64,
    /// The offset after the last intact record, or before the record of a clean shutdown: that record is no longer
    /// valid once unsynced events follow.
    length: u64,
    /// Whether the last record is that of a clean shutdown.
    clean: bool,
    /// Whether events may have been delivered that are missing here.
    suspect: bool,
}

/// Opens the directory, creates it if necessary, and reads its content.
///
/// # Errors
///
/// It is unreadable, in use by another agent, or of another version.
pub(in crate::journal) fn open(path: &Path, identity: &Identity) -> Result<Recovered, OpenError> {
    let lock = Lock::take(path)?;
    let ascii = identity.boot.chars().filter(char::is_ascii_graphic);
    let boot: String = ascii.take(Header::BOOT).collect();
    let mut found = Vec::new();
    for ordinal in ordinals(path).map_err(OpenError::io("read", path))? {
        let file = path.join(super::segment_name(ordinal));
        let (bytes, length) = match head_of(&file) {
            Ok(head) => head,
            Err(error) => {
                warn!(
                    "journal: {}: {error}: its events are missing",
                    file.display()
                );
                found.push((ordinal, 0, None));
                continue;
            }
        };
        match Header::decode(&bytes) {
            Ok(header) => found.push((ordinal, length, Some(header))),
            Err(BadHeader::Version(version)) => {
                return Err(OpenError::Version {
                    path: file,
                    version,
                });
            }
            Err(BadHeader::Damaged) => {
                warn!(
                    "journal: the header of {} is damaged: its events are missing",
                    file.display()
                );
                found.push((ordinal, length, None));
            }
            Err(BadHeader::Short) => {
                debug!("journal: {} is a new, empty segment", file.display());
                // It has no events, so it does no harm if it can't be deleted.
                let _ = fs::remove_file(&file);
            }
        }
    }
    let ordinal = found.last().map_or(0, |(ordinal, ..)| *ordinal) + 1;
    let (mut segments, mut sessions) = chain(found);
    let last_is_damaged = segments
        .back()
        .is_some_and(|segment| segment.end != u64::MAX);
    let last = segments.iter_mut().rfind(|segment| segment.end == u64::MAX);
    let (next, append) = match last {
        None => (first_header(&boot), false),
        Some(last) => {
            let file = path.join(super::segment_name(last.ordinal));
            let mut end = end_of(&file, last);
            end.suspect |= last_is_damaged;
            let (next, append) = go_on(&last.header, &end, &boot);
            if end.length < last.length {
                cut(&file, end.length);
                last.length = end.length;
            }
            // A damaged segment after it has none of these events.
            (next, append && !last_is_damaged)
        }
    };
    note(&mut sessions, next.era.session, next.session_first);
    let mut floor = 0;
    for segment in &mut segments {
        if segment.end == u64::MAX && !append {
            segment.end = next.first;
        }
        if segment.end < floor {
            (segment.header.first, segment.end) = (floor, floor);
        }
        floor = segment.end;
    }
    let index = Index::new(segments, next.first);
    Ok(Recovered {
        directory: Arc::new(Directory {
            path: path.into(),
            index: Mutex::new(index),
            lock: Mutex::new(lock),
        }),
        sessions,
        next,
        append,
        ordinal,
    })
}

/// The header of a segment, or the part that exists, and the length of the file.
fn head_of(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let file = file::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.take(Header::LENGTH as u64).read_to_end(&mut bytes)?;
    Ok((bytes, length))
}

/// The numbers of the segments in a directory.
pub(super) fn ordinals(path: &Path) -> io::Result<Vec<u64>> {
    let mut ordinals = Vec::new();
    for entry in fs::read_dir(path)? {
        // The largest number has no successor, so it is not the agent's.
        let ordinal = ordinal_of(entry?.file_name().as_ref());
        ordinals.extend(ordinal.filter(|ordinal| *ordinal < u64::MAX));
    }
    ordinals.sort_unstable();
    Ok(ordinals)
}

/// Computes where each segment ends from the next header: `u64::MAX` for the last. A segment without an intact header,
/// or whose numbers conflict with its neighbours', is empty; if it is the last, its end is 0.
fn chain(found: Vec<(u64, u64, Option<Header>)>) -> (VecDeque<Segment>, Sessions) {
    let mut segments: VecDeque<Segment> = VecDeque::new();
    let mut sessions = Sessions::new();
    let mut last: Option<usize> = None;
    for (ordinal, length, header) in found {
        let before = last.map(|index| segments[index].header.clone());
        let header = header.filter(|header| {
            before.as_ref().is_none_or(|before| {
                let same = before.era.session == header.era.session;
                before.first <= header.first
                    && if same {
                        before.session_first == header.session_first
                    } else {
                        before.first <= header.session_first
                    }
            })
        });
        if let (Some(header), Some(index), Some(before)) = (&header, last, &before) {
            let end = if before.era.session == header.era.session {
                header.first
            } else {
                header.session_first
            };
            segments[index].end = end;
            // Segments between them have no events.
            for segment in segments.range_mut(index + 1..) {
                (segment.header.first, segment.end) = (end, end);
            }
        }
        if let Some(header) = &header {
            last = Some(segments.len());
            note(&mut sessions, header.era.session, header.session_first);
        }
        let end = if header.is_some() { u64::MAX } else { 0 };
        let header = header.or(before).unwrap_or_else(|| Header {
            era: Arc::new(Era {
                session: SessionId([0; 8]),
                boot: "".into(),
            }),
            session_first: 1,
            first: 0,
            lost: 0,
        });
        segments.push_back(Segment {
            ordinal,
            header,
            end,
            length,
            reported: false,
        });
    }
    (segments, sessions)
}

/// The header of a new journal.
fn first_header(boot: &str) -> Header {
    Header {
        era: Arc::new(Era {
            session: SessionId::random(),
            boot: boot.into(),
        }),
        session_first: 1,
        first: 1,
        lost: 0,
    }
}

/// Reads the last segment to its end. Unreadable parts count as damaged.
fn end_of(path: &Path, last: &Segment) -> End {
    let file = File::open(path).and_then(|mut file| {
        io::Seek::seek(&mut file, io::SeekFrom::Start(Header::LENGTH as u64))?;
        Ok(file)
    });
    let mut end = End {
        next: last.header.first,
        lost: last.header.lost,
        // Unreadable now, but possibly readable later.
        length: last.length,
        clean: false,
        suspect: true,
    };
    let read = file.and_then(|file| read_to_end(file, path, &mut end));
    if let Err(error) = read {
        warn!(
            "journal: {}: {error}: its events from {} on are missing",
            path.display(),
            end.next
        );
    }
    end
}

fn read_to_end(segment: impl Read, path: &Path, end: &mut End) -> io::Result<()> {
    let mut records = Records::new(segment, Header::LENGTH as u64);
    let mut clean = false;
    let mut length = records.offset();
    let tail = loop {
        let item = records.next()?;
        if !matches!(item, Item::End | Item::Tail(_)) {
            length = records.offset();
        }
        match item {
            Item::Event(event, lost_until) => {
                if event.sequence >= end.next {
                    (end.next, end.lost) = (event.sequence + 1, lost_until);
                }
                clean = false;
            }
            Item::End => clean = true,
            Item::Tail(tail) => break tail,
        }
    };
    match tail {
        Tail::Whole => {}
        Tail::Torn => debug!("journal: {} ends in the middle of a record", path.display()),
        Tail::Damaged => warn!(
            "journal: {} is damaged from byte {} on: the events from {} on are missing",
            path.display(),
            records.offset(),
            end.next
        ),
    }
    (end.length, end.clean) = (length, clean && tail == Tail::Whole);
    end.suspect = tail == Tail::Damaged;
    Ok(())
}

/// The next segment's header, and whether its events can be appended to the last segment instead.
fn go_on(last: &Header, end: &End, boot: &str) -> (Header, bool) {
    let same_boot = *last.era.boot == *boot && !boot.is_empty();
    // After a kill, the kernel still has everything that was delivered.
    let continues = (same_boot || end.clean) && !end.suspect;
    let (session, session_first) = if continues {
        (last.era.session, last.session_first)
    } else {
        (SessionId::random(), end.next)
    };
    let header = Header {
        era: Arc::new(Era {
            session,
            boot: boot.into(),
        }),
        session_first,
        first: end.next,
        lost: end.lost,
    };
    (header, continues && same_boot)
}

/// Truncates a file after its last record, also on disk.
fn cut(file: &Path, length: u64) {
    let cut = OpenOptions::new().write(true).open(file).and_then(|file| {
        file.set_len(length)?;
        file.sync_all()
    });
    if let Err(error) = cut {
        warn!(
            "journal: cannot cut {} to its whole records: {error}",
            file.display()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{super::format, *};
    use crate::event::{Event, Kind, Reading, Source};

    /// Fails like a worn-out card.
    struct Unreadable;

    impl Read for Unreadable {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("worn out"))
        }
    }

    #[test]
    fn an_unreadable_tail_keeps_the_events_before_it() {
        let mut bytes = Vec::new();
        let event = Event {
            sequence: 7,
            reading: Reading {
                timestamp_ns: 0,
                source: Source::TIMER,
                kind: Kind::TICK,
                line: 0,
                value: 0,
                lost: 2,
            },
            time: crate::clock::WallClock::now().at(0),
            label: None,
        };
        format::encode_event(&event, 2, &mut bytes);
        let mut end = End {
            next: 7,
            lost: 0,
            length: 4096,
            clean: false,
            suspect: true,
        };
        let error = read_to_end(bytes.chain(Unreadable), "1.segment".as_ref(), &mut end);
        assert_eq!(error.unwrap_err().to_string(), "worn out");
        assert_eq!((end.next, end.lost, end.length), (8, 2, 4096));
        assert!(end.suspect && !end.clean);
    }
}
