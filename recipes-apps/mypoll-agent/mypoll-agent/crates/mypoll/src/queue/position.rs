// SPDX-License-Identifier: MIT OR Apache-2.0
//! The position of a record among all events that its queue was offered.

use super::Record;

/// Counts the events that a queue was offered, including lost ones, from the records that are read.
///
/// It must see each record of the queue, from the first on and in order. [`Levels`](crate::Levels) has an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position(u64);

impl Position {
    /// The position of a queue of which nothing was read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Advances past the next record and returns its position: 1 for the first event that the queue was offered.
    pub fn advance(&mut self, record: &Record) -> u64 {
        self.0 += 1 + u64::from(record.lost());
        self.0
    }

    /// The position of the last record, 0 before the first.
    pub fn get(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uapi;

    #[test]
    fn lost_events_have_positions_too() {
        let mut position = Position::new();
        let mut at = |lost| {
            position.advance(&Record::from(uapi::Event {
                lost,
                ..Default::default()
            }))
        };
        assert_eq!([at(0), at(0), at(3)], [1, 2, 6]);
        assert_eq!(at(u32::MAX), 6 + (1 << 32));
        assert_eq!(position.get(), 6 + (1 << 32));
    }
}
