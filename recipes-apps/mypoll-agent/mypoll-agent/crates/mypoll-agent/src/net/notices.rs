// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rate-limited log messages about connections: clients must not be able to fill the log.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{debug, warn};

/// How long after a message others of its kind are only counted.
const QUIET: Duration = Duration::from_secs(60);

/// The kinds of messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notice {
    /// Plain text to a TLS listener, or the reverse.
    WrongProtocol,
    /// The TLS handshake failed.
    Handshake,
    /// No token, or an unknown one.
    Denied,
    /// All places are taken.
    Full,
}

impl Notice {
    /// The name of its counter.
    pub(super) const fn counter(self) -> &'static str {
        match self {
            Self::WrongProtocol => "wrong-protocol",
            Self::Handshake => "failed-handshakes",
            Self::Denied => "denied",
            Self::Full => "refused",
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Said {
    last: Option<Instant>,
    since: u64,
}

/// When each kind was last logged.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<[Said; 4]>);

impl Notices {
    /// Logs a message, or only counts it (and logs it at debug level).
    pub(super) fn say(
        &self,
        notice: Notice,
        endpoint: &str,
        peer: &dyn fmt::Display,
        what: &dyn fmt::Display,
    ) {
        match self.passes(notice) {
            Some(0) => warn!("{endpoint}: {peer}: {what}"),
            Some(since) => warn!("{endpoint}: {peer}: {what} ({since} more since the last report)"),
            None => debug!("{endpoint}: {peer}: {what}"),
        }
    }

    /// Whether to log it, and how many were suppressed since the last one.
    fn passes(&self, notice: Notice) -> Option<u64> {
        let now = Instant::now();
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = &mut said[notice as usize];
        if said.last.is_some_and(|last| now < last + QUIET) {
            said.since += 1;
            return None;
        }
        said.last = Some(now);
        Some(std::mem::take(&mut said.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_of_a_kind_in_a_minute() {
        let notices = Notices::default();
        assert_eq!(notices.passes(Notice::Denied), Some(0));
        assert_eq!(notices.passes(Notice::Denied), None);
        assert_eq!(notices.passes(Notice::Denied), None);
        assert_eq!(notices.passes(Notice::Full), Some(0));
        tokio::time::advance(QUIET).await;
        assert_eq!(notices.passes(Notice::Denied), Some(2));
        assert_eq!(notices.passes(Notice::Denied), None);
    }
}
