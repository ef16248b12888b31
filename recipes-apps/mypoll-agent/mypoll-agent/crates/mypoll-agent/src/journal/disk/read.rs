// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads events for a cursor that is behind the events in memory.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Seek as _, SeekFrom},
    sync::Arc,
};

use tracing::warn;

use super::{
    Directory,
    format::Header,
    index::Segment,
    records::{Item, Records, Tail},
};
use crate::{
    event::Event,
    journal::chunk::{Chunk, Text},
};

/// A reader's position in the files, to avoid a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    ordinal: u64,
    /// The offset of the event `number`, or of the first event after it.
    offset: u64,
    number: u64,
}

/// Approximate maximum of records per chunk, in bytes.
const READ: u64 = 32 * 1024;

impl Directory {
    /// The first events from `number` on, with the position after them; without any, the number up to which there are none.
    ///
    /// Blocks.
    pub(crate) fn read(
        &self,
        mut number: u64,
        place: Option<Place>,
    ) -> Result<(Chunk, Place), u64> {
        loop {
            let (segment, next) = {
                let index = self.index();
                (index.find(number), index.next)
            };
            let segment = segment.ok_or(next)?;
            match self.read_segment(&segment, number, place) {
                Ok(Some(found)) => return Ok(found),
                // It was deleted meanwhile, or its events are damaged.
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.report(segment.ordinal, &format!("cannot be read: {error}")),
            }
            number = segment.end;
        }
    }

    fn read_segment(
        &self,
        segment: &Segment,
        number: u64,
        place: Option<Place>,
    ) -> io::Result<Option<(Chunk, Place)>> {
        let mut file = File::open(self.segment(segment.ordinal))?;
        let offset = place
            .filter(|place| place.ordinal == segment.ordinal && place.number <= number)
            .map_or(Header::LENGTH as u64, |place| place.offset);
        file.seek(SeekFrom::Start(offset))?;
        let mut records = Records::new(file, offset);
        let mut events: Vec<Event> = Vec::new();
        let mut labels = HashSet::new();
        let (mut lost_before, mut begin, mut end) = (0, offset, offset);
        while events.len() < Chunk::MAX_EVENTS && end - begin < READ {
            let at = records.offset();
            let item = records.next()?;
            if let Some(damaged) = records.damaged() {
                self.report(segment.ordinal, &format!("is damaged at byte {damaged}"));
            }
            let (mut event, lost) = match item {
                Item::Event(event, lost) => (event, lost),
                Item::End => continue,
                // The last segment may be in the middle of a write, behind the requested events.
                Item::Tail(Tail::Damaged) => {
                    self.report(
                        segment.ordinal,
                        &format!("is damaged at byte {}", records.offset()),
                    );
                    break;
                }
                Item::Tail(_) => break,
            };
            if event.sequence >= segment.end {
                break;
            }
            if event.sequence < number {
                continue;
            }
            match events.last() {
                None => {
                    lost_before = lost - event.lost();
                    begin = at;
                }
                Some(last) if event.sequence != last.sequence + 1 => break,
                Some(_) => {}
            }
            share(&mut labels, &mut event);
            events.push(event);
            end = records.offset();
        }
        let Some(last) = events.last() else {
            return Ok(None);
        };
        let place = Place {
            ordinal: segment.ordinal,
            offset: end,
            number: last.sequence + 1,
        };
        let era = Arc::clone(&segment.header.era);
        Ok(Some((Text::of(events).into_chunk(era, lost_before), place)))
    }

    /// Logs damage of a segment once.
    fn report(&self, ordinal: u64, problem: &str) {
        let mut index = self.index();
        let Some(segment) = index.get_mut(ordinal).filter(|segment| !segment.reported) else {
            return;
        };
        segment.reported = true;
        let (first, end) = (segment.header.first, segment.end.min(index.next));
        drop(index);
        warn!(
            "journal: {} {problem}: some of the events {first} to {} are missing",
            self.segment(ordinal).display(),
            end.saturating_sub(1)
        );
    }
}

/// Makes events share labels.
fn share(labels: &mut HashSet<Arc<str>>, event: &mut Event) {
    let Some(label) = &event.label else {
        return;
    };
    match labels.get(label) {
        Some(shared) => event.label = Some(Arc::clone(shared)),
        None => {
            labels.insert(Arc::clone(label));
        }
    }
}
