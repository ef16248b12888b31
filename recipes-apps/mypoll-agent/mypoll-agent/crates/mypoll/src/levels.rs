// SPDX-License-Identifier: MIT OR Apache-2.0
//! The levels of all GPIO lines at one moment in the order of events.

use crate::uapi::{self, has_line, line_numbers};

/// The levels of all GPIO lines, and which events of the file's queue they include.
///
/// The driver captures both at the same moment: [`Device::levels`](crate::Device::levels) and
/// [`Queue::levels`](crate::Queue::levels) return them.
///
/// # Examples
///
/// A program that tracks the levels itself, and reads them again after each loss:
///
/// ```no_run
/// use mypoll::{Device, Kind, queue::{Config, Position}};
///
/// # fn main() -> Result<(), mypoll::Error> {
/// let mut queue = Device::open()?.into_queue(&Config::new())?.into_iter();
/// let mut position = Position::new();
/// let mut levels = queue.queue().levels()?;
/// while let Some(record) = queue.next() {
///     let record = record?;
///     let at = position.advance(&record);
///     if levels.contains(at) {
///         continue; // The levels already include this event.
///     }
///     if record.lost() > 0 {
///         levels = queue.queue().levels()?;
///         println!("lost {} events; line 0 is now {:?}", record.lost(), levels.line(0));
///     } else if record.kind() == Ok(Kind::Rising) {
///         println!("line {} became active", record.line());
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels(uapi::Levels);

impl Levels {
    /// How many events the file's queue had been offered when the levels were captured, including lost ones.
    pub fn position(&self) -> u64 {
        self.0.position
    }

    /// The sequence number of the newest event in the queue, or of the newest one read if the queue is empty; 0 before
    /// the first event.
    pub fn sequence(&self) -> u32 {
        self.0.sequence
    }

    /// Whether the levels include the event of a private queue at `position`, which
    /// [`Position::advance`](crate::queue::Position::advance) returns.
    pub fn contains(&self, position: u64) -> bool {
        position <= self.0.position
    }

    /// Whether the levels include the event with this sequence number. Exact for the shared queue, and for private
    /// queues that drop the newest events; those that drop the oldest need [`Levels::contains`].
    pub fn contains_sequence(&self, sequence: u32) -> bool {
        // Sequence numbers wrap, and no queue holds half of them.
        self.0.sequence.wrapping_sub(sequence) < 1 << 31
    }

    /// The logical level of a line, or `None` if no line has this number.
    pub fn line(&self, number: u32) -> Option<bool> {
        has_line(&self.0.lines, number).then(|| has_line(&self.0.levels, number))
    }

    /// The number and logical level of each line, in ascending order of numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, bool)> {
        line_numbers(&self.0.lines).map(|number| (number, has_line(&self.0.levels, number)))
    }
}

impl From<uapi::Levels> for Levels {
    fn from(levels: uapi::Levels) -> Self {
        Self(levels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels() -> uapi::Levels {
        let mut levels = uapi::Levels {
            position: 1 << 33,
            sequence: 2,
            ..Default::default()
        };
        (levels.lines[0], levels.lines[15]) = (1 << 63 | 1, 1 << 63);
        (levels.levels[0], levels.levels[1]) = (1 << 63, 1);
        levels
    }

    #[test]
    fn each_line_has_its_level() {
        let levels = Levels::from(levels());
        assert_eq!((levels.line(0), levels.line(63)), (Some(false), Some(true)));
        assert_eq!(levels.line(1023), Some(false));
        // Line 64 has a level bit, but does not exist; 1024 is out of range.
        assert_eq!([1, 64, 1024, u32::MAX].map(|n| levels.line(n)), [None; 4]);
        let all: Vec<_> = levels.iter().collect();
        assert_eq!(all, [(0, false), (63, true), (1023, false)]);
    }

    #[test]
    fn events_up_to_the_position_are_contained() {
        let levels = Levels::from(levels());
        assert!(levels.contains(1));
        assert!(levels.contains(levels.position()));
        assert!(!levels.contains(levels.position() + 1));
    }

    #[test]
    fn sequence_numbers_wrap() {
        let levels = Levels::from(levels());
        for contained in [2, 1, 0, u32::MAX] {
            assert!(levels.contains_sequence(contained), "{contained}");
        }
        for later in [3, 65538] {
            assert!(!levels.contains_sequence(later), "{later}");
        }
    }
}
