// SPDX-License-Identifier: MIT OR Apache-2.0

//! In place of io_uring where its crate lacks the architecture.

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
