// SPDX-License-Identifier: GPL-2.0-only

//! Extensions for devices and their firmware nodes.
//!
//! C headers: [`include/linux/device.h`](srctree/include/linux/device.h),
//! [`include/linux/property.h`](srctree/include/linux/property.h),
//! [`include/linux/kobject.h`](srctree/include/linux/kobject.h)

use kernel::{
    bindings,
    device::{
        property::FwNode,
        Device, //
    },
    error::to_result,
    ffi,
    prelude::*,
    str::{
        CStr,
        CString, //
    }, //
};

/// Maximum number of variables in a [`change_event`].
const VARIABLES_MAX: usize = 7;

/// Returns the `struct device` of `dev`.
pub(super) fn as_raw(dev: &Device) -> *mut bindings::device {
    // CAST: `Device` is a transparent wrapper of `struct device`.
    core::ptr::from_ref(dev)
        .cast::<bindings::device>()
        .cast_mut()
}

/// Returns the `struct fwnode_handle` of `node`.
pub(super) fn fwnode_as_raw(node: &FwNode) -> *mut bindings::fwnode_handle {
    // CAST: `FwNode` is a transparent wrapper of `struct fwnode_handle`.
    core::ptr::from_ref(node)
        .cast::<bindings::fwnode_handle>()
        .cast_mut()
}

/// Returns a copy of the name of `node`, as bytes. It is empty if the node has none.
pub(crate) fn node_name(node: &FwNode) -> Result<CString> {
    // SAFETY: `node` is valid.
    let name = unsafe { bindings::fwnode_get_name(fwnode_as_raw(node)) };
    let name = if name.is_null() {
        kernel::c_str!("")
    } else {
        // SAFETY: A non-null name is a C string, which lives as long as the node.
        unsafe { CStr::from_char_ptr(name) }
    };
    Ok(name.try_into()?)
}

/// Sends a `change` uevent of `dev` with additional `variables`, each of the form `KEY=value`. May
/// sleep.
///
/// `E2BIG` for too many variables, `ENOMEM`.
pub(crate) fn change_event(dev: &Device, variables: &[&CStr]) -> Result {
    let mut pointers = [core::ptr::null_mut::<ffi::c_char>(); VARIABLES_MAX + 1];
    if variables.len() > VARIABLES_MAX {
        return Err(E2BIG);
    }
    for (pointer, variable) in pointers.iter_mut().zip(variables) {
        *pointer = variable.as_char_ptr().cast_mut();
    }
    // SAFETY: `dev` is valid, and its kobject stays initialised while there is a reference. The
    // array ends with a null pointer, and the C side only reads the strings.
    to_result(unsafe {
        bindings::kobject_uevent_env(
            &raw mut (*as_raw(dev)).kobj,
            bindings::kobject_action_KOBJ_CHANGE,
            pointers.as_mut_ptr(),
        )
    })
}
