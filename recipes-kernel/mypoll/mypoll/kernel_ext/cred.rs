// SPDX-License-Identifier: GPL-2.0-only

//! Privileges of the calling task.
//!
//! C header: [`include/linux/capability.h`](srctree/include/linux/capability.h)

extern "C" {
    fn mypoll_capable_sys_admin() -> bool;
}

/// Whether the calling task has CAP_SYS_ADMIN.
pub(crate) fn is_admin() -> bool {
    // SAFETY: Called in process context.
    unsafe { mypoll_capable_sys_admin() }
}
