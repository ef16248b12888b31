// SPDX-License-Identifier: MIT OR Apache-2.0
//! One timer for deadlines that move.

use std::{future, pin::Pin};

use tokio::time::{Instant, Sleep, sleep_until};

/// Waits for a deadline that may be another one each time.
///
/// A later deadline leaves the timer as it is until it fires, so that moving a deadline with each event costs nothing.
#[derive(Debug, Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Waits until `deadline`; for ever without one.
    pub(super) async fn reached(&mut self, deadline: Option<Instant>) {
        let Some(deadline) = deadline else {
            return future::pending().await;
        };
        while Instant::now() < deadline {
            let sleep = self
                .0
                .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if sleep.deadline() > deadline || sleep.is_elapsed() {
                sleep.as_mut().reset(deadline);
            }
            sleep.as_mut().await;
        }
    }
}
