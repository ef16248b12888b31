// SPDX-License-Identifier: MIT OR Apache-2.0
//! Notifies the service manager: readiness, reloads, and the watchdog.

use std::{future, time::Duration};

use sd_notify::NotifyState;
use tokio::time::{self, Instant, Interval};
use tracing::{debug, error};

use crate::status::Status;

/// Notifies systemd, if it is running.
pub struct Notifier {
    status: Status,
    /// The interval of watchdog messages, and the maximum age of unfinished work.
    watchdog: Option<(Interval, Duration)>,
    starving: bool,
}

impl Notifier {
    /// For the service in `$NOTIFY_SOCKET` and `$WATCHDOG_USEC`.
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

    /// Startup is complete.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// The configuration is being reloaded.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => debug!(%error, "cannot read the clock"),
        }
    }

    /// The agent is shutting down.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// Sends one watchdog message, unless a part is stuck; without a watchdog, pending forever.
    ///
    /// This runs on the event loop, so it also covers everything else there. Work on other threads is covered by
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
                error!("{part} makes no progress: not notifying the watchdog");
            }
            Some(_) => {}
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "cannot notify the service manager");
    }
}
