// SPDX-License-Identifier: MIT OR Apache-2.0
//! What others wrote, in our error lines.

/// How much of it is repeated, in characters.
const CHARACTERS: usize = 80;

/// The beginning of `text`, with an ellipsis where there is more. JSON escapes what has to be escaped.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(CHARACTERS).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    quoted
}

/// As [`quote`], of bytes that may not be text.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    // A character has at most four bytes; one more shows that there is more.
    quote(&String::from_utf8_lossy(
        &bytes[..bytes.len().min(4 * CHARACTERS + 4)],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(quote("short"), "short");
        let long = "ü".repeat(81);
        assert_eq!(quote(&long), format!("{}…", "ü".repeat(80)));
        assert_eq!(quote_bytes(long.as_bytes()), quote(&long));
        assert_eq!(quote_bytes(b"a\xffb"), "a\u{fffd}b");
    }
}
