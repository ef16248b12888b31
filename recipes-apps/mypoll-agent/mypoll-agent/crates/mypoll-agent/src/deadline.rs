// SPDX-License-Identifier: MIT OR Apache-2.0
//! A point in time that may not be set.

use std::future;

use tokio::time::{self, Instant};

/// Ends at `deadline`; without one never, and then without a timer.
pub(crate) async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline).await,
        None => future::pending().await,
    }
}
