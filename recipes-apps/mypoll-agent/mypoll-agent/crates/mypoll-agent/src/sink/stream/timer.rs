// SPDX-License-Identifier: MIT OR Apache-2.0
//! A timer for a moving deadline.

use std::{future, pin::Pin};

use tokio::time::{Instant, Sleep, sleep_until};

/// Waits for a deadline that may change each time.
///
/// If the deadline moves back, the timer is only adjusted when it fires, so that moving it with each event is cheap.
#[derive(Debug, Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Waits until `deadline`; forever without one.
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
