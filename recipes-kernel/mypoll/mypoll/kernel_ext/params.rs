// SPDX-License-Identifier: GPL-2.0-only

//! The module's parameters. `module!` has none on 6.18, so they stand in C.

use crate::command;
use kernel::ffi;

mod c {
    use super::ffi;

    extern "C" {
        pub(super) fn mypoll_queue_size() -> ffi::c_uint;
        pub(super) fn mypoll_timer_period_ms() -> ffi::c_uint;
        pub(super) static mypoll_poll_ret0: bool;
        pub(super) fn mypoll_debug_poll_ret0();
        pub(super) fn mypoll_debugfs() -> bool;
    }
}

/// The upper limit of `timer_period_ms`, for the C half.
#[no_mangle]
#[allow(non_upper_case_globals)]
static mypoll_timer_period_ms_max: ffi::c_uint = *command::PERIOD_MS.end();

/// How many events the queue is to hold, 1 to 65536.
pub(crate) fn queue_size() -> usize {
    // SAFETY: A plain read, and the parameter can't be written after load.
    unsafe { c::mypoll_queue_size() as usize }
}

/// The period of a plain `start`, in [`command::PERIOD_MS`].
pub(crate) fn timer_period_ms() -> u32 {
    // SAFETY: The C side reads it with `READ_ONCE()`.
    unsafe { c::mypoll_timer_period_ms() }
}

/// Whether there is to be a folder in debugfs.
pub(crate) fn debugfs() -> bool {
    // SAFETY: A plain read, and the parameter can't be written after load.
    unsafe { c::mypoll_debugfs() }
}

/// Whether poll is to answer 0. Says so in the log, by dynamic debug.
#[inline]
pub(crate) fn poll_ret0() -> bool {
    // SAFETY: The parameter is always there, and may be written at any time.
    if !unsafe { (&raw const c::mypoll_poll_ret0).read_volatile() } {
        return false;
    }
    // SAFETY: May be called in any context.
    unsafe { c::mypoll_debug_poll_ret0() };
    true
}
