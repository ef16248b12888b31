// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long to wait before the next attempt.

use std::time::Duration;

use crate::identity::SessionId;

/// The first pause, at most.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause, at most.
const LONGEST: Duration = Duration::from_secs(60);

/// Pauses that grow: each is between a half and the whole of a time that doubles from 1 s to 60 s, at random, so that the
/// boards of a fleet don't come all at once.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// The next pause.
    pub(super) fn next(&mut self) -> Duration {
        let random = u64::from_be_bytes(SessionId::random().0);
        self.next_of(random)
    }

    fn next_of(&mut self, random: u64) -> Duration {
        let longest = self.0;
        self.0 = (longest * 2).min(LONGEST);
        longest / 2 + (longest / 2).mul_f64(random as f64 / u64::MAX as f64)
    }

    /// Begins anew after a connection that lasted for so long; one that breaks at once changes nothing.
    pub(super) fn was_connected(&mut self, lasted: Duration) {
        if lasted > self.0 {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_their_bounds() {
        let mut backoff = Backoff::default();
        for longest in [1, 2, 4, 8, 16, 32, 60, 60] {
            let longest = Duration::from_secs(longest);
            let at_least = Backoff(longest).next_of(0);
            let at_most = Backoff(longest).next_of(u64::MAX);
            assert_eq!((at_least, at_most), (longest / 2, longest));
            let pause = backoff.next();
            assert!((longest / 2..=longest).contains(&pause), "{pause:?}");
        }
        backoff.was_connected(Duration::from_secs(60));
        assert!(backoff.next() > FIRST);
        backoff.was_connected(Duration::from_secs(61));
        assert!(backoff.next() <= FIRST);
    }
}
