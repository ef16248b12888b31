// SPDX-License-Identifier: MIT OR Apache-2.0
//! Percent-encoding, as in URLs.

use std::fmt::Write as _;

/// Encodes each byte of the characters that are not plain as `%XX`.
pub(crate) fn encode(text: &str, mut is_plain: impl FnMut(char) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        if is_plain(character) {
            encoded.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string can't fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}
