// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quoting for busybox's shell.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

/// Quotes a word on one line, with any bytes: `$'…'`, all but plain ASCII as octal escapes.
/// `tests/tests/run.rs` tests it in the guest.
pub fn quote(word: &OsStr) -> String {
    let mut quoted = String::from("$'");
    for &byte in word.as_bytes() {
        if byte.is_ascii_alphanumeric() || b" %+,-./:=@_".contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            let _ = write!(quoted, "\\{byte:03o}");
        }
    }
    quoted.push('\'');
    quoted
}
