// SPDX-License-Identifier: MIT OR Apache-2.0

//! Replaces io_uring if its crate does not support the architecture.

use crate::worker::Worker;

/// No ring.
#[derive(Default)]
pub(crate) struct Uring;

impl Uring {
    pub(crate) fn submit_any(_: &mut Worker) -> bool {
        false
    }

    pub(crate) fn reap(_: &mut Worker) -> bool {
        false
    }

    pub(crate) fn renew(_: &mut Worker) -> bool {
        false
    }
}
