// SPDX-License-Identifier: GPL-2.0-only

use crate::text::{c_array, TextBuffer};
use std::fmt::Write;

#[test]
fn a_text_buffer_accepts_only_text_that_fits_as_a_whole() {
    let mut buffer = [0; 5];
    let mut text = TextBuffer::new(&mut buffer);
    assert!(text.write_str("abc").is_ok());
    assert!(text.write_str("def").is_err());
    assert_eq!((text.len(), text.text()), (3, &b"abc"[..]));
    assert!(text.write_str("de").is_ok());
    assert_eq!(text.text(), b"abcde");
}

#[test]
fn a_text_buffer_accepts_bytes_that_are_not_utf_8() {
    let mut buffer = [0; 4];
    let mut text = TextBuffer::new(&mut buffer);
    assert!(text.write_bytes(b"\xff\0").is_ok());
    assert!(text.write_bytes(b"").is_ok());
    assert!(text.write_bytes(b"abc").is_err());
    assert_eq!((text.len(), text.text()), (2, &b"\xff\0"[..]));
    assert!(text.write_str("ab").is_ok());
    assert_eq!(text.text(), b"\xff\0ab");
    assert!(text.write_bytes(b"").is_ok(), "nothing always fits");
    assert!(text.write_bytes(b"c").is_err());
}

#[test]
fn an_array_ends_with_a_0_and_whole_characters() {
    assert_eq!(c_array(b""), *b"\0\0\0\0");
    assert_eq!(c_array(b"abc"), *b"abc\0");
    assert_eq!(c_array(b"abcd"), *b"abc\0");
    assert_eq!(c_array("abä".as_bytes()), *b"ab\0\0");
    assert_eq!(c_array("aäb".as_bytes()), *b"a\xc3\xa4\0");
    assert_eq!(c_array("a€".as_bytes()), *b"a\0\0\0");
}

#[test]
fn an_array_accepts_bytes_that_are_not_utf_8() {
    assert_eq!(c_array(&[0x80; 9]), *b"\0\0\0\0");
    assert_eq!(c_array(&[0xff; 9]), *b"\xff\xff\xff\0");
}
