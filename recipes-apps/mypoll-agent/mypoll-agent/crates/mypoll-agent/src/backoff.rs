// SPDX-License-Identifier: MIT OR Apache-2.0
//! Growing pauses between attempts.

use std::{
    hash::{BuildHasher as _, RandomState},
    ops::RangeInclusive,
    time::Duration,
};

/// Pauses that double up to the longest. Each is a random share of that, so that the boards of a fleet do not all
/// reconnect at the same moment when their server comes back.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    share: RangeInclusive<f64>,
    next: Duration,
}

impl Backoff {
    /// Starts with `first`, or with `longest` if that is shorter; `share` is a fraction of 1.
    pub(crate) fn new(first: Duration, longest: Duration, share: RangeInclusive<f64>) -> Self {
        let first = first.min(longest);
        Self {
            first,
            longest,
            share,
            next: first,
        }
    }

    /// The next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        self.pause_of(RandomState::new().hash_one(()))
    }

    fn pause_of(&mut self, random: u64) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        let (least, most) = (*self.share.start(), *self.share.end());
        pause.mul_f64(least + (most - least) * (random as f64 / u64::MAX as f64))
    }

    /// Starts over after a success.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// Starts over after a connection that lasted this long; one that breaks at once changes nothing.
    #[cfg(feature = "mqtt")]
    pub(crate) fn was_connected(&mut self, lasted: Duration) {
        if lasted > self.next {
            self.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_longest_and_vary() {
        let mut backoff = Backoff::new(SECOND, 5 * SECOND, 0.75..=1.25);
        for expected in [1, 2, 4, 5, 5] {
            let pause = backoff.pause();
            let expected = expected * SECOND;
            assert!(
                pause >= expected * 3 / 4 && pause <= expected * 5 / 4,
                "{pause:?}"
            );
        }
        backoff.reset();
        assert!(backoff.pause() <= SECOND * 5 / 4);
        let pauses: Vec<_> = (0..10)
            .map(|_| Backoff::new(SECOND, SECOND, 0.75..=1.25).pause())
            .collect();
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }

    #[cfg(feature = "mqtt")]
    #[test]
    fn pauses_grow_within_their_bounds() {
        let new = || Backoff::new(SECOND, 60 * SECOND, 0.5..=1.0);
        let mut backoff = new();
        for longest in [1, 2, 4, 8, 16, 32, 60, 60] {
            let longest = longest * SECOND;
            let at = |random| Backoff::new(longest, longest, 0.5..=1.0).pause_of(random);
            assert_eq!((at(0), at(u64::MAX)), (longest / 2, longest));
            let pause = backoff.pause();
            assert!((longest / 2..=longest).contains(&pause), "{pause:?}");
        }
        backoff.was_connected(60 * SECOND);
        assert!(backoff.pause() > SECOND);
        backoff.was_connected(61 * SECOND);
        assert!(backoff.pause() <= SECOND);
    }
}
