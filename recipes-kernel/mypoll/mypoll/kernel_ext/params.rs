// SPDX-License-Identifier: GPL-2.0-only

//! The module's parameters. `module!` has none on 6.18, so they stand in C, with their ranges.

use kernel::ffi;

extern "C" {
    static mypoll_queue_size: ffi::c_uint;
    static mypoll_queues_max: ffi::c_uint;
    static mypoll_timer_period_ms: ffi::c_uint;
    static mypoll_poll_ret0: bool;
    static mypoll_debugfs: bool;
    fn mypoll_debug_poll_ret0();
}

/// Returns how many events the shared queue holds, 1 to 65536.
pub(crate) fn queue_size() -> usize {
    // SAFETY: The parameter can't be written after load.
    unsafe { mypoll_queue_size as usize }
}

/// Returns how many private queues there may be, 1 to 256.
pub(crate) fn queues_max() -> usize {
    // SAFETY: The parameter can't be written after load.
    unsafe { mypoll_queues_max as usize }
}

/// Returns the period of a plain `start`, 1 to 3,600,000 ms.
pub(crate) fn timer_period_ms() -> u32 {
    // SAFETY: The parameter is written atomically.
    unsafe { (&raw const mypoll_timer_period_ms).read_volatile() }
}

/// Whether there is to be a folder in debugfs.
pub(crate) fn debugfs() -> bool {
    // SAFETY: The parameter can't be written after load.
    unsafe { mypoll_debugfs }
}

/// Whether poll is to answer 0. Says so in the log, by dynamic debug.
#[inline]
pub(crate) fn poll_ret0() -> bool {
    // SAFETY: The parameter is written atomically.
    if !unsafe { (&raw const mypoll_poll_ret0).read_volatile() } {
        return false;
    }
    // SAFETY: May be called in any context.
    unsafe { mypoll_debug_poll_ret0() };
    true
}
