// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the service manager is told: readiness, reloads, and that the agent makes progress.

use std::{future, time::Duration};

use sd_notify::NotifyState;
use tokio::time::{self, Instant, Interval};
use tracing::{debug, error};

use crate::status::Status;

/// Tells systemd, where it is there.
pub struct Notifier {
    status: Status,
    /// When to feed the watchdog, and how old unfinished work may be.
    watchdog: Option<(Interval, Duration)>,
    starving: bool,
}

impl Notifier {
    /// Of the service that `$NOTIFY_SOCKET` and `$WATCHDOG_USEC` speak of.
    pub fn new(status: &Status) -> Self {
        let watchdog = sd_notify::watchdog_enabled().map(|timeout| {
            (
                time::interval_at(Instant::now() + timeout / 3, timeout / 3),
                timeout / 2,
            )
        });
        Self {
            status: status.clone(),
            watchdog,
            starving: false,
        }
    }

    /// The agent serves.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// It reads its configuration again.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => debug!(%error, "cannot tell the time"),
        }
    }

    /// It ends.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// Feeds the watchdog once, unless a part is stuck; pending for ever without one.
    ///
    /// All that runs on the event loop counts by that alone: this runs there, too. What is done on other threads counts by
    /// [`Reporter::busy`](crate::status::Reporter::busy).
    pub async fn watch(&mut self) {
        let Some((interval, limit)) = &mut self.watchdog else {
            return future::pending().await;
        };
        interval.tick().await;
        match self.status.stuck(*limit) {
            None => {
                self.starving = false;
                tell(&[NotifyState::Watchdog]);
            }
            Some(part) if !self.starving => {
                self.starving = true;
                error!("{part} makes no progress: the watchdog is not fed");
            }
            Some(_) => {}
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "cannot tell the service manager");
    }
}
