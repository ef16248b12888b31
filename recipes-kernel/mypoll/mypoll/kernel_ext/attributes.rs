// SPDX-License-Identifier: GPL-2.0-only

//! The show functions of the sysfs attributes, which C declares.

use crate::{
    attributes,
    hub::Hub,
    text::TextBuffer, //
};
use core::slice;
use kernel::{
    error::from_result,
    ffi,
    fmt,
    page::PAGE_SIZE,
    prelude::*,
    str::CStr, //
};

/// # Safety
///
/// `buf` is what a show function gets: valid for writes of a page.
unsafe fn show(
    buf: *mut ffi::c_char,
    write: impl FnOnce(&Hub, &mut TextBuffer<'_>) -> fmt::Result,
) -> isize {
    // SAFETY: By the safety requirements this is a page that nobody else uses during the call;
    // sysfs hands it out zeroed.
    let page = unsafe { slice::from_raw_parts_mut(buf.cast::<u8>(), PAGE_SIZE) };
    from_result(|| {
        let hub = super::global::hub()?;
        let mut text = TextBuffer::new(page);
        write(&hub, &mut text).map_err(|fmt::Error| EOVERFLOW)?;
        Ok(text.len() as isize)
    })
}

/// # Safety
///
/// See [`show`].
#[no_mangle]
unsafe extern "C" fn mypoll_stats_show(buf: *mut ffi::c_char) -> isize {
    // SAFETY: The requirements are the same.
    unsafe { show(buf, attributes::stats) }
}

/// # Safety
///
/// See [`show`].
#[no_mangle]
unsafe extern "C" fn mypoll_lines_show(buf: *mut ffi::c_char) -> isize {
    // SAFETY: The requirements are the same.
    unsafe { show(buf, attributes::lines) }
}

/// # Safety
///
/// `name` is a string, and see [`show`].
#[no_mangle]
unsafe extern "C" fn mypoll_statistic_show(
    name: *const ffi::c_char,
    buf: *mut ffi::c_char,
) -> isize {
    // SAFETY: By the safety requirements.
    let name = unsafe { CStr::from_char_ptr(name) };
    // SAFETY: The requirements are the same.
    unsafe {
        show(buf, |hub, text| {
            attributes::statistic(hub, name.to_bytes(), text)
        })
    }
}
