// SPDX-License-Identifier: MIT OR Apache-2.0
//! Logs connects and disconnects: at most one line per minute.

use std::{future, time::Duration};

use tokio::time::{Instant, sleep_until};
use tracing::info;

/// Minimum time between lines.
const INTERVAL: Duration = Duration::from_secs(60);

/// Counts for the next line.
#[derive(Debug, Default)]
pub(super) struct Connections {
    connected: u64,
    left: u64,
    /// When the last line was logged.
    written: Option<Instant>,
}

impl Connections {
    /// A client connected.
    pub(super) fn connected(&mut self) {
        self.connected += 1;
    }

    /// A client disconnected.
    pub(super) fn left(&mut self) {
        self.left += 1;
    }

    /// Waits until there is something to log, and time for it.
    pub(super) async fn due(&self) {
        if self.connected + self.left == 0 {
            return future::pending().await;
        }
        if let Some(written) = self.written {
            sleep_until(written + INTERVAL).await;
        }
    }

    /// Logs the line; `clients` are connected now.
    pub(super) fn write(&mut self, clients: usize) {
        let Self {
            connected, left, ..
        } = *self;
        info!("stream: {connected} connected, {left} left, now {clients}");
        *self = Self {
            written: Some(Instant::now()),
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_line_comes_at_once_and_the_next_after_a_minute() {
        let start = Instant::now();
        let mut log = Connections::default();
        log.connected();
        log.due().await;
        log.write(1);
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..1000 {
            log.connected();
            log.left();
        }
        log.due().await;
        assert_eq!(start.elapsed().as_secs(), INTERVAL.as_secs());
        log.write(1);
        assert_eq!((log.connected, log.left), (0, 0));
    }
}
