// SPDX-License-Identifier: MIT OR Apache-2.0
//! Growing pauses between attempts.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// Pauses that double up to the longest. Each varies by a quarter, so that a fleet whose server comes back does not come
/// back at one moment.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with `first`, or with `longest` where that is shorter.
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        let first = first.min(longest);
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// How long to wait now.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        // 768 to 1279 of 1024 parts.
        let share = 768 + (RandomState::new().hash_one(()) % 512) as u32;
        pause * share / 1024
    }

    /// An attempt went well: begins anew.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_vary() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(second, 5 * second);
        for expected in [1, 2, 4, 5, 5] {
            let pause = backoff.pause();
            let expected = expected * second;
            assert!(
                pause >= expected * 3 / 4 && pause <= expected * 5 / 4,
                "{pause:?}"
            );
        }
        backoff.reset();
        assert!(backoff.pause() <= second * 5 / 4);
        let pauses: Vec<_> = (0..10)
            .map(|_| Backoff::new(second, second).pause())
            .collect();
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }
}
