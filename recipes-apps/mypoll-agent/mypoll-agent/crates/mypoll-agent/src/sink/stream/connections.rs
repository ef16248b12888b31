// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who comes and goes, in the log: at most one line a minute, however many there are.

use std::{future, time::Duration};

use tokio::time::{Instant, sleep_until};
use tracing::info;

/// How long what happened after a line waits for the next.
const INTERVAL: Duration = Duration::from_secs(60);

/// Counts for the log.
#[derive(Debug, Default)]
pub(super) struct Connections {
    connected: u64,
    left: u64,
    /// When the last line was written.
    written: Option<Instant>,
}

impl Connections {
    /// A client came.
    pub(super) fn connected(&mut self) {
        self.connected += 1;
    }

    /// A client left.
    pub(super) fn left(&mut self) {
        self.left += 1;
    }

    /// Waits until there is something to write, and time for it.
    pub(super) async fn due(&self) {
        if self.connected + self.left == 0 {
            return future::pending().await;
        }
        if let Some(written) = self.written {
            sleep_until(written + INTERVAL).await;
        }
    }

    /// Writes the line; `clients` are there now.
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
