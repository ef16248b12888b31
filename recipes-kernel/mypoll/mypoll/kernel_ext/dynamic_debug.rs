// SPDX-License-Identifier: GPL-2.0-only

//! Messages that cost next to nothing until somebody turns them on.
//!
//! The kernel crate's `pr_debug!` can't be turned on at run time.
//!
//! C header: [`include/linux/dynamic_debug.h`](srctree/include/linux/dynamic_debug.h)

use crate::event::Event;

extern "C" {
    fn mypoll_debug_event(source: u16, kind: u16, line: u32, value: u32, timestamp_ns: u64);
}

/// Writes `event` to the log, if asked to. May be called in any context.
#[inline]
pub(crate) fn event(event: &Event) {
    // SAFETY: May be called with any values.
    unsafe {
        mypoll_debug_event(
            event.source as u16,
            event.kind as u16,
            event.line,
            event.value,
            event.timestamp_ns,
        )
    }
}
