// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quoting for busybox's shell.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

/// Quotes a word on one line, with any bytes: `$'…'`, all but plain ASCII as octal escapes.
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn every_byte_survives_the_shell() {
        let all: Vec<u8> = (1..=255).collect();
        // bash parses $'…' like busybox, which tests/tests/run.rs tests in the guest.
        for word in [
            &b""[..],
            b"two words",
            b"it's \"$HOME\"\n`id`\\",
            b"1\x011",
            &all,
        ] {
            let word = OsStr::from_bytes(word);
            let quoted = quote(word);
            assert!(!quoted.contains('\n'), "{quoted}");
            let output = Command::new("bash")
                .args(["-c", &format!("printf %s {quoted}")])
                .output()
                .unwrap();
            assert_eq!(OsStr::from_bytes(&output.stdout), word, "{quoted}");
        }
    }
}
