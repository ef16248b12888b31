// SPDX-License-Identifier: GPL-2.0-only

//! The module's parameters. `module!` does not support them on 6.18, so C defines them with their
//! ranges.

use kernel::ffi;

extern "C" {
    static mypoll_queue_size: ffi::c_uint;
    static mypoll_queues_max: ffi::c_uint;
    static mypoll_timer_period_ms: ffi::c_uint;
    static mypoll_poll_ret0: bool;
    static mypoll_debugfs: bool;
    fn mypoll_debug_poll_ret0();
}

/// Returns the capacity of the shared queue, 1 to 65536.
pub(crate) fn queue_size() -> usize {
    // SAFETY: The parameter can't be written after load.
    unsafe { mypoll_queue_size as usize }
}

/// Returns the maximum number of private queues, 1 to 256.
pub(crate) fn queues_max() -> usize {
    // SAFETY: The parameter can't be written after load.
    unsafe { mypoll_queues_max as usize }
}

/// Returns the period of a `start` without an argument, 1 to 3,600,000 ms.
pub(crate) fn timer_period_ms() -> u32 {
    // SAFETY: The parameter is written atomically.
    unsafe { (&raw const mypoll_timer_period_ms).read_volatile() }
}

/// Whether to create a directory in debugfs.
pub(crate) fn debugfs() -> bool {
    // SAFETY: The parameter can't be written after load.
    unsafe { mypoll_debugfs }
}

/// Whether poll must return 0. Logs it through dynamic debug.
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
