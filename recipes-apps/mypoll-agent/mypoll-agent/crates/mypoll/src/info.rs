// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the driver tells about itself and its GPIO lines.

use std::time::Duration;

use crate::uapi;

/// The driver: what it can do, and which GPIO lines it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// How many files can have a queue of their own at a time.
    pub queues_max: u32,
    /// Whether a file can have a queue of its own.
    pub queues: bool,
    /// Whether that queue's ring can be mapped.
    pub mmap: bool,
    /// The numbers of its GPIO lines, rising.
    pub lines: Vec<u32>,
}

impl From<uapi::Info> for Info {
    fn from(info: uapi::Info) -> Self {
        let is_set = |number: &u32| info.lines[*number as usize / 64] >> (number % 64) & 1 == 1;
        Self {
            queues_max: info.queues_max,
            queues: info.features & uapi::FEATURE_QUEUES != 0,
            mmap: info.features & uapi::FEATURE_MMAP != 0,
            lines: (0..uapi::LINES_MAX as u32).filter(is_set).collect(),
        }
    }
}

/// A GPIO line, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineInfo {
    /// Its number in events, 0 to 1023.
    pub number: u32,
    /// Its number on its chip.
    pub offset: u32,
    /// Its label in the device tree, to 63 bytes; what is not UTF-8 is replaced by U+FFFD.
    pub label: String,
    /// Whether it is active now.
    pub active: bool,
    /// Whether low is active.
    pub active_low: bool,
    /// Whether becoming active gives an event.
    pub rising: bool,
    /// Whether becoming inactive gives an event.
    pub falling: bool,
    /// Whether it wakes the machine from suspend.
    pub wakeup: bool,
    /// For how long it has to be quiet, where it is debounced.
    pub debounce: Option<Duration>,
    /// Whether the driver debounces it, not the chip.
    pub debounced_by_driver: bool,
}

impl From<uapi::Line> for LineInfo {
    fn from(line: uapi::Line) -> Self {
        let flag = |bit| line.flags & bit != 0;
        let label = line.label.split(|&byte| byte == 0).next();
        Self {
            number: line.number,
            offset: line.offset,
            label: String::from_utf8_lossy(label.unwrap_or_default()).into_owned(),
            active: line.value != 0,
            active_low: flag(uapi::LINE_ACTIVE_LOW),
            rising: flag(uapi::LINE_RISING),
            falling: flag(uapi::LINE_FALLING),
            wakeup: flag(uapi::LINE_WAKEUP),
            debounce: (line.debounce_us != 0)
                .then(|| Duration::from_micros(line.debounce_us.into())),
            debounced_by_driver: flag(uapi::LINE_DEBOUNCED),
        }
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
            features: uapi::FEATURE_MMAP | 1 << 63,
            ..Default::default()
        };
        for number in [0, 63, 64, 1023] {
            raw.lines[number / 64] |= 1 << (number % 64);
        }
        let info = Info::from(raw);
        assert_eq!(info.queues_max, 64);
        assert_eq!((info.queues, info.mmap), (false, true));
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
            reserved: 0,
            label: [0; uapi::LABEL_MAX],
            line_sequence: 0,
            reserved2: 0,
            edges: 0,
            reported: 0,
            bounced: 0,
            dropped: 0,
        };
        raw.label[..6].copy_from_slice(b"door\0x");
        let line = LineInfo::from(raw);
        assert_eq!((line.number, line.offset, line.active), (7, 3, true));
        assert_eq!(line.label, "door");
        assert_eq!(
            (line.active_low, line.rising, line.falling),
            (true, false, true)
        );
        assert_eq!((line.wakeup, line.debounced_by_driver), (false, true));
        assert_eq!(line.debounce, Some(Duration::from_millis(5)));

        raw.label = [b'x'; uapi::LABEL_MAX];
        raw.debounce_us = 0;
        let line = LineInfo::from(raw);
        assert_eq!(line.label, "x".repeat(uapi::LABEL_MAX));
        assert_eq!(line.debounce, None);
    }
}
