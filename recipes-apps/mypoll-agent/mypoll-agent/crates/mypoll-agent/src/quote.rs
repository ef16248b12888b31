// SPDX-License-Identifier: MIT OR Apache-2.0
//! Limits untrusted text in error messages.

/// Maximum length of a quote, in characters.
const CHARACTERS: usize = 80;

/// Maximum length of a message, in bytes.
const SENTENCE: usize = 2048;

/// The start of `text`, with an ellipsis if it is cut. JSON escapes it where necessary.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(CHARACTERS).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    quoted
}

/// Like [`quote`], for bytes that may not be text.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    // A character has at most four bytes; one more shows that the text is cut.
    quote(&String::from_utf8_lossy(
        &bytes[..bytes.len().min(4 * CHARACTERS + 4)],
    ))
}

/// Removes the middle of a message that is too long: its end says what is expected.
///
/// Untrusted text should be quoted where a message is built. This is for messages of libraries, or of many parts.
pub fn shorten(sentence: &mut String) {
    if sentence.len() <= SENTENCE {
        return;
    }
    let is_boundary = |index: &usize| sentence.is_char_boundary(*index);
    let head = (0..=SENTENCE / 2).rfind(is_boundary).unwrap_or(0);
    let tail = (sentence.len() - SENTENCE / 2..=sentence.len()).find(is_boundary);
    sentence.replace_range(head..tail.unwrap_or(sentence.len()), "…");
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

    #[test]
    fn a_long_sentence_keeps_its_beginning_and_its_end() {
        let mut short = "x".repeat(SENTENCE);
        shorten(&mut short);
        assert_eq!(short, "x".repeat(SENTENCE));
        let mut long = format!("xx{}, expected y", "ü".repeat(100_000));
        shorten(&mut long);
        assert!(
            long.starts_with("xxü") && long.ends_with("ü, expected y"),
            "{long}"
        );
        assert!(long.contains("ü…ü") && long.len() <= SENTENCE + 3, "{long}");
    }
}
