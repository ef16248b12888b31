// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's features and GPIO lines.

use std::time::Duration;

use crate::uapi;

/// The driver's features and GPIO lines.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The maximum number of private queues.
    pub queues_max: u32,
    /// Whether files can have private queues.
    pub queues: bool,
    /// Whether a private queue's ring can be mapped.
    pub mmap: bool,
    /// Whether it has levels, `added` events and sequence numbers of lines.
    pub levels: bool,
    /// Whether it counts the events of each line.
    pub counters: bool,
    /// The numbers of its GPIO lines, ascending.
    pub lines: Vec<u32>,
}

impl From<uapi::Info> for Info {
    fn from(info: uapi::Info) -> Self {
        Self {
            queues_max: info.queues_max,
            queues: info.features & uapi::FEATURE_QUEUES != 0,
            mmap: info.features & uapi::FEATURE_MMAP != 0,
            levels: info.features & uapi::FEATURE_LEVELS != 0,
            counters: info.features & uapi::FEATURE_COUNTERS != 0,
            lines: uapi::line_numbers(&info.lines).collect(),
        }
    }
}

/// The current state of a GPIO line. Its counters start at 0 when the line is added; nothing resets them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LineInfo {
    /// Its number in events, 0 to 1023.
    #[cfg_attr(feature = "serde", serde(rename = "line"))]
    pub number: u32,
    /// The name of its chip, such as `gpiochip0`; empty if the driver does not report it.
    pub chip: String,
    /// Its number on that chip.
    pub offset: u32,
    /// Its label, cut to 63 bytes; invalid UTF-8 is replaced by U+FFFD.
    pub label: String,
    /// Whether it is active now.
    pub active: bool,
    /// Whether it is active-low.
    pub active_low: bool,
    /// Whether becoming active is reported.
    pub rising: bool,
    /// Whether becoming inactive is reported.
    pub falling: bool,
    /// Whether it wakes the machine from suspend.
    pub wakeup: bool,
    /// The debounce time, if it is debounced; microseconds in JSON.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "debounce_us", serialize_with = "microseconds")
    )]
    pub debounce: Option<Duration>,
    /// Whether the driver debounces it, rather than the chip.
    pub debounced_by_driver: bool,
    /// The sequence number of its newest event, see [`Record::line_sequence`](crate::queue::Record::line_sequence).
    pub line_sequence: u32,
    /// Interrupts of the line.
    pub edges: u64,
    /// Reported events of the line.
    pub reported: u64,
    /// Of `edges`, those without an event because the contact was bouncing.
    pub bounced: u64,
    /// Events of the line lost by full private queues, summed over the queues.
    pub dropped: u64,
}

impl From<uapi::Line> for LineInfo {
    fn from(line: uapi::Line) -> Self {
        let flag = |bit| line.flags & bit != 0;
        Self {
            number: line.number,
            chip: text(&line.chip),
            offset: line.offset,
            label: text(&line.label),
            active: line.value != 0,
            active_low: flag(uapi::LINE_ACTIVE_LOW),
            rising: flag(uapi::LINE_RISING),
            falling: flag(uapi::LINE_FALLING),
            wakeup: flag(uapi::LINE_WAKEUP),
            debounce: (line.debounce_us != 0)
                .then(|| Duration::from_micros(line.debounce_us.into())),
            debounced_by_driver: flag(uapi::LINE_DEBOUNCED),
            line_sequence: line.line_sequence,
            edges: line.edges,
            reported: line.reported,
            bounced: line.bounced,
            dropped: line.dropped,
        }
    }
}

/// The bytes before the first 0.
fn text(array: &[u8]) -> String {
    let text = array.split(|&byte| byte == 0).next();
    String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
}

#[cfg(feature = "serde")]
fn microseconds<S: serde::Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    // The driver's field is a u32 of microseconds.
    match time {
        Some(time) => serializer.serialize_u64(time.as_micros() as u64),
        None => serializer.serialize_u64(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_features_and_lines_are_unpacked() {
        let mut raw = uapi::Info {
            queues_max: 64,
            line_count: 4,
            features: uapi::FEATURE_MMAP | uapi::FEATURE_LEVELS | 1 << 63,
            ..Default::default()
        };
        for number in [0, 63, 64, 1023] {
            uapi::add_line(&mut raw.lines, number);
        }
        let info = Info::from(raw);
        assert_eq!(info.queues_max, 64);
        assert_eq!((info.queues, info.mmap), (false, true));
        assert_eq!((info.levels, info.counters), (true, false));
        assert_eq!(info.lines, [0, 63, 64, 1023]);
    }

    #[test]
    fn a_line_is_unpacked() {
        let mut raw = uapi::Line {
            number: 7,
            offset: 3,
            value: 1,
            flags: uapi::LINE_ACTIVE_LOW | uapi::LINE_FALLING | uapi::LINE_DEBOUNCED | 1 << 31,
            debounce_us: 5000,
            line_sequence: 8,
            edges: 1 << 32,
            reported: 7,
            bounced: 6,
            dropped: 5,
            ..Default::default()
        };
        raw.label[..6].copy_from_slice(b"door\0x");
        raw.chip[..9].copy_from_slice(b"gpiochip1");
        let line = LineInfo::from(raw);
        assert_eq!((line.number, line.offset, line.active), (7, 3, true));
        assert_eq!((&*line.label, &*line.chip), ("door", "gpiochip1"));
        assert_eq!(
            (line.active_low, line.rising, line.falling),
            (true, false, true)
        );
        assert_eq!((line.wakeup, line.debounced_by_driver), (false, true));
        assert_eq!(line.debounce, Some(Duration::from_millis(5)));
        assert_eq!(line.line_sequence, 8);
        assert_eq!(
            [line.edges, line.reported, line.bounced, line.dropped],
            [1 << 32, 7, 6, 5]
        );

        raw.label = [b'x'; uapi::LABEL_MAX];
        raw.debounce_us = 0;
        let line = LineInfo::from(raw);
        assert_eq!(line.label, "x".repeat(uapi::LABEL_MAX));
        assert_eq!(line.debounce, None);
    }
}
