// SPDX-License-Identifier: GPL-2.0-only

//! Tracepoints of a module.
//!
//! The kernel crate's `declare_trace!` takes a tracepoint from its own bindings, which cannot contain
//! a module's.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

/// Declares the Rust side of a tracepoint that C defines with CREATE_RUST_TRACE_POINTS.
///
/// `$static` is its `__tracepoint_…`, `$do_trace` its `rust_do_trace_…`. The function may be called
/// in any context, and costs only a branch while the tracepoint is off.
macro_rules! declare_tracepoint {
    ($(#[$attr:meta])* $name:ident($($arg:ident: $type:ty),*), $static:ident, $do_trace:ident) => {
        $(#[$attr])*
        #[inline(always)]
        pub(crate) fn $name($($arg: $type),*) {
            #[cfg(CONFIG_TRACEPOINTS)]
            {
                extern "C" {
                    static $static: ::kernel::bindings::tracepoint;
                    fn $do_trace($($arg: $type),*);
                }
                // SAFETY: C defines the static, which contains the key.
                let enabled = unsafe {
                    ::kernel::jump_label::static_branch_unlikely!(
                        $static,
                        ::kernel::bindings::tracepoint,
                        key
                    )
                };
                if enabled {
                    // SAFETY: C defines the function, with these arguments.
                    unsafe { $do_trace($($arg),*) }
                }
            }
            #[cfg(not(CONFIG_TRACEPOINTS))]
            {
                let _ = ($($arg,)*);
            }
        }
    };
}
pub(crate) use declare_tracepoint;
