// SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT

//! Private queues of /dev/mypoll: the Rust version of `mypoll.h`, which describes everything.
//!
//! This file needs only `core`. It is compiled into the driver and into its client.

use core::mem::size_of;

/// Bit numbers of a source filter, and values of an event's `source`.
pub const SOURCE_MANUAL: u16 = 1;
/// See [`SOURCE_MANUAL`].
pub const SOURCE_TIMER: u16 = 2;
/// See [`SOURCE_MANUAL`].
pub const SOURCE_GPIO: u16 = 3;

/// Values of an event's `kind`.
pub const KIND_TRIGGER: u16 = 1;
/// See [`KIND_TRIGGER`].
pub const KIND_TICK: u16 = 2;
/// See [`KIND_TRIGGER`].
pub const KIND_RISING: u16 = 3;
/// See [`KIND_TRIGGER`].
pub const KIND_FALLING: u16 = 4;
/// See [`KIND_TRIGGER`].
pub const KIND_REMOVED: u16 = 5;
/// See [`KIND_TRIGGER`].
pub const KIND_ADDED: u16 = 6;

/// `struct mypoll_event`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Nanoseconds of the queue's clock.
    pub timestamp_ns: u64,
    /// From 1, without gaps.
    pub sequence: u32,
    /// Events lost just before this one.
    pub lost: u32,
    /// `SOURCE_*`.
    pub source: u16,
    /// `KIND_*`.
    pub kind: u16,
    /// The number of the GPIO line.
    pub line: u32,
    /// The level, or the number of periods.
    pub value: u32,
    /// From 1 for each GPIO line; 0 for other sources.
    pub line_sequence: u32,
}

/// Values of [`Config::overflow`].
pub const OVERFLOW_DROP_NEWEST: u32 = 0;
/// See [`OVERFLOW_DROP_NEWEST`].
pub const OVERFLOW_DROP_OLDEST: u32 = 1;

/// Values of [`Config::clock`].
pub const CLOCK_MONOTONIC: u32 = 0;
/// See [`CLOCK_MONOTONIC`].
pub const CLOCK_REALTIME: u32 = 1;
/// See [`CLOCK_MONOTONIC`].
pub const CLOCK_BOOTTIME: u32 = 2;

/// The meaning of a capacity of 0.
pub const CAPACITY_DEFAULT: u32 = 4096;
/// The largest capacity.
pub const CAPACITY_MAX: u32 = 65536;
/// The longest [`Config::watermark_us`]: an hour.
pub const WATERMARK_US_MAX: u32 = 3_600_000_000;
/// Number of line numbers, which start at 0.
pub const LINES_MAX: usize = 1024;

/// Line `n` is bit `n % 64` of element `n / 64`.
pub type LineSet = [u64; LINES_MAX / 64];

/// Whether line `number` is in `lines`; no number from [`LINES_MAX`] on is.
pub fn has_line(lines: &LineSet, number: u32) -> bool {
    lines
        .get(number as usize / 64)
        .is_some_and(|bits| bits >> (number % 64) & 1 != 0)
}

/// Adds line `number`. Returns `false` if it was in the set, or can't be: from [`LINES_MAX`] on.
pub fn add_line(lines: &mut LineSet, number: u32) -> bool {
    let Some(bits) = lines.get_mut(number as usize / 64) else {
        return false;
    };
    let before = *bits;
    *bits |= 1 << (number % 64);
    *bits != before
}

/// The numbers of the lines in `lines`, ascending.
pub fn line_numbers(lines: &LineSet) -> impl Iterator<Item = u32> + '_ {
    (0..LINES_MAX as u32).filter(|number| has_line(lines, *number))
}

/// `struct mypoll_config`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// 1 to [`CAPACITY_MAX`], or 0 for [`CAPACITY_DEFAULT`].
    pub capacity: u32,
    /// `OVERFLOW_*`.
    pub overflow: u32,
    /// `CLOCK_*`.
    pub clock: u32,
    /// Bits `1 << SOURCE_*`, or 0 for all.
    pub sources: u32,
    /// 1 to `capacity`, or 0 for 1.
    pub watermark_events: u32,
    /// Microseconds up to [`WATERMARK_US_MAX`], or 0 for never.
    pub watermark_us: u32,
    /// 0.
    pub flags: u32,
    /// Bits `1 << KIND_*`, or 0 for all.
    pub kinds: u32,
    /// GPIO lines; all 0 for every line.
    pub lines: LineSet,
}

/// `struct mypoll_stats`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// `read + lost + depth`, unless a program stores an invalid head.
    pub generated: u64,
    /// Events that were read or taken from the mapped ring.
    pub read: u64,
    /// Lost events.
    pub lost: u64,
    /// Events in the queue.
    pub depth: u32,
    /// Maximum of `depth` so far.
    pub high_water: u32,
    /// Maximum number of events.
    pub capacity: u32,
    /// 0.
    pub reserved: u32,
}

/// Bits of [`Info::features`].
pub const FEATURE_QUEUES: u64 = 1 << 0;
/// See [`FEATURE_QUEUES`].
pub const FEATURE_MMAP: u64 = 1 << 1;
/// See [`FEATURE_QUEUES`].
pub const FEATURE_LEVELS: u64 = 1 << 2;
/// See [`FEATURE_QUEUES`].
pub const FEATURE_COUNTERS: u64 = 1 << 3;

/// `struct mypoll_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Maximum number of private queues.
    pub queues_max: u32,
    /// Number of GPIO lines.
    pub line_count: u32,
    /// `FEATURE_*`.
    pub features: u64,
    /// The existing lines.
    pub lines: LineSet,
}

/// The size of [`Line::label`].
pub const LABEL_MAX: usize = 64;
/// The size of [`Line::chip`].
pub const CHIP_MAX: usize = 32;

/// Bits of [`Line::flags`].
pub const LINE_ACTIVE_LOW: u32 = 1 << 0;
/// See [`LINE_ACTIVE_LOW`].
pub const LINE_RISING: u32 = 1 << 1;
/// See [`LINE_ACTIVE_LOW`].
pub const LINE_FALLING: u32 = 1 << 2;
/// See [`LINE_ACTIVE_LOW`].
pub const LINE_WAKEUP: u32 = 1 << 3;
/// See [`LINE_ACTIVE_LOW`].
pub const LINE_DEBOUNCED: u32 = 1 << 4;

/// `struct mypoll_line`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The requested line.
    pub number: u32,
    /// Its number on its chip.
    pub offset: u32,
    /// Its logical level.
    pub value: u32,
    /// `LINE_*`.
    pub flags: u32,
    /// Microseconds, 0 if it is not debounced.
    pub debounce_us: u32,
    /// 0.
    pub reserved: u32,
    /// NUL-terminated.
    pub label: [u8; LABEL_MAX],
    /// The number of its newest event.
    pub line_sequence: u32,
    /// 0.
    pub reserved2: u32,
    /// Interrupts.
    pub edges: u64,
    /// Reported events.
    pub reported: u64,
    /// Of `edges`, those without an event because the contact was bouncing.
    pub bounced: u64,
    /// Its events lost by full private queues.
    pub dropped: u64,
    /// The name of its chip, NUL-terminated.
    pub chip: [u8; CHIP_MAX],
}

// Not derived: not every array has a default.
impl Default for Line {
    fn default() -> Self {
        Self {
            number: 0,
            offset: 0,
            value: 0,
            flags: 0,
            debounce_us: 0,
            reserved: 0,
            label: [0; LABEL_MAX],
            line_sequence: 0,
            reserved2: 0,
            edges: 0,
            reported: 0,
            bounced: 0,
            dropped: 0,
            chip: [0; CHIP_MAX],
        }
    }
}

/// `struct mypoll_levels`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Number of events offered to the file's queue.
    pub position: u64,
    /// The number of the last event that the queue accepted.
    pub sequence: u32,
    /// 0.
    pub reserved: u32,
    /// The existing lines.
    pub lines: LineSet,
    /// Lines whose level is 1.
    pub levels: LineSet,
}

/// The sizes of the first published structures: the minimum that drivers accept.
pub const CONFIG_SIZE_VER0: usize = 160;
/// See [`CONFIG_SIZE_VER0`].
pub const STATS_SIZE_VER0: usize = 40;
/// See [`CONFIG_SIZE_VER0`].
pub const INFO_SIZE_VER0: usize = 144;
/// See [`CONFIG_SIZE_VER0`]. Up to `label`.
pub const LINE_SIZE_VER0: usize = 88;
/// Including the counters.
pub const LINE_SIZE_VER1: usize = 128;
/// See [`CONFIG_SIZE_VER0`].
pub const LINE_SIZE_VER2: usize = 160;
/// See [`CONFIG_SIZE_VER0`].
pub const LEVELS_SIZE_VER0: usize = 272;

/// The `type` of the ioctl numbers.
pub const IOC_MAGIC: u32 = 0xE6;
/// `nr` of MYPOLL_CONFIGURE.
pub const NR_CONFIGURE: u32 = 0x01;
/// `nr` of MYPOLL_GET_STATS.
pub const NR_GET_STATS: u32 = 0x02;
/// `nr` of MYPOLL_GET_INFO.
pub const NR_GET_INFO: u32 = 0x03;
/// `nr` of MYPOLL_GET_LINE.
pub const NR_GET_LINE: u32 = 0x04;

/// `nr` of MYPOLL_GET_LEVELS.
pub const NR_GET_LEVELS: u32 = 0x05;

/// The offset at which a [`Ring`] can be mapped.
pub const OFF_RING: u64 = 0x0000_0000;
/// The offset at which the slots of events can be mapped, for reading.
pub const OFF_EVENTS: u64 = 0x0100_0000;

/// `struct mypoll_ring`. Both sides only access it with atomic loads and stores.
#[repr(C)]
#[derive(Debug)]
pub struct Ring {
    /// The program's: the position of the next event to take.
    pub head: u32,
    /// Keeps the words of the two sides in separate cache lines.
    pub reserved1: [u32; 15],
    /// The driver's: the position after the last event.
    pub tail: u32,
    /// As `reserved1`.
    pub reserved2: [u32; 15],
    /// The event at position `p` is in slot `p & mask`.
    pub mask: u32,
    /// `tail - head` when the ring is full.
    pub capacity: u32,
    /// 0.
    pub reserved3: [u32; 14],
}

const _: () = {
    assert!(size_of::<Event>() == 32);
    assert!(size_of::<Config>() == CONFIG_SIZE_VER0);
    assert!(size_of::<Stats>() == STATS_SIZE_VER0);
    assert!(size_of::<Info>() == INFO_SIZE_VER0);
    assert!(size_of::<Line>() == LINE_SIZE_VER2);
    assert!(size_of::<Levels>() == LEVELS_SIZE_VER0);
    assert!(size_of::<Ring>() == 192);
};
