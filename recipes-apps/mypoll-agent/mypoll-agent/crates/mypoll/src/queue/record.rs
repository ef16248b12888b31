// SPDX-License-Identifier: MIT OR Apache-2.0
//! One event of a queue, 32 bytes.

use std::fmt;

use crate::{Kind, Source, uapi};

/// One event, as the driver stores it in a queue.
///
/// Formats like [`Event`](crate::Event), with numbers for unknown sources and kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Record(uapi::Event);

impl Record {
    /// When it happened, in nanoseconds of the queue's clock: read in the interrupt handler, or in a trigger's write.
    pub fn timestamp_ns(&self) -> u64 {
        self.0.timestamp_ns
    }

    /// 1 for the queue's first event, then incremented by one without gaps; wraps at 2³².
    pub fn sequence(&self) -> u32 {
        self.0.sequence
    }

    /// How many events the queue lost just before this one; if 2³² - 1, the next record has the rest.
    pub fn lost(&self) -> u32 {
        self.0.lost
    }

    /// Its source.
    ///
    /// # Errors
    ///
    /// The driver's number, if this version does not know the source.
    pub fn source(&self) -> Result<Source, u16> {
        Source::from_number(self.0.source).ok_or(self.0.source)
    }

    /// Its kind.
    ///
    /// # Errors
    ///
    /// The driver's number, if this version does not know the kind.
    pub fn kind(&self) -> Result<Kind, u16> {
        Kind::from_number(self.0.kind).ok_or(self.0.kind)
    }

    /// Which GPIO line, 0 to 1023; 0 for the other sources.
    pub fn line(&self) -> u32 {
        self.0.line
    }

    /// GPIO: the logical level after the edge, 0 or 1; for an added line its level, for a removed one 0. Timer: the
    /// number of periods that this tick covers. Manual: 0.
    pub fn value(&self) -> u32 {
        self.0.value
    }

    /// The line's own sequence number: 1 for the event that adds the line, then incremented for each of its events that
    /// the driver reports. The filter and lost events leave gaps. Wraps at 2³²; 0 for the other sources.
    pub fn line_sequence(&self) -> u32 {
        self.0.line_sequence
    }
}

impl From<uapi::Event> for Record {
    fn from(event: uapi::Event) -> Self {
        Self(event)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event={} source=", self.sequence())?;
        match self.source() {
            Ok(source) => write!(f, "{source}")?,
            Err(number) => write!(f, "{number}")?,
        }
        f.write_str(" kind=")?;
        match self.kind() {
            Ok(kind) => write!(f, "{kind}")?,
            Err(number) => write!(f, "{number}")?,
        }
        write!(
            f,
            " line={} value={} lost={} timestamp_ns={}",
            self.line(),
            self.value(),
            self.lost(),
            self.timestamp_ns()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;

    #[test]
    fn a_record_formats_like_its_event() {
        for (source, kind) in [
            (uapi::SOURCE_MANUAL, uapi::KIND_TRIGGER),
            (uapi::SOURCE_TIMER, uapi::KIND_TICK),
            (uapi::SOURCE_GPIO, uapi::KIND_RISING),
            (uapi::SOURCE_GPIO, uapi::KIND_FALLING),
            (uapi::SOURCE_GPIO, uapi::KIND_REMOVED),
            (uapi::SOURCE_GPIO, uapi::KIND_ADDED),
        ] {
            let record = Record(uapi::Event {
                timestamp_ns: 1,
                sequence: 2,
                lost: 3,
                source,
                kind,
                line: 4,
                value: 5,
                line_sequence: 6,
            });
            let event: Event = record.to_string().parse().unwrap();
            assert_eq!((event.timestamp_ns, event.sequence, event.lost), (1, 2, 3));
            assert_eq!((event.line, event.value), (4, 5));
            assert_eq!(record.line_sequence(), 6);
            assert_eq!(record.source(), Ok(event.source));
            assert_eq!(record.kind(), Ok(event.kind));
            assert_eq!(event.kind.source(), event.source);
        }
    }

    #[test]
    fn values_of_later_drivers_stay_readable() {
        let record = Record(uapi::Event {
            sequence: 9,
            source: 40,
            kind: 0,
            value: 7,
            ..Default::default()
        });
        assert_eq!((record.source(), record.kind()), (Err(40), Err(0)));
        assert_eq!(
            record.to_string(),
            "event=9 source=40 kind=0 line=0 value=7 lost=0 timestamp_ns=0"
        );
    }
}
