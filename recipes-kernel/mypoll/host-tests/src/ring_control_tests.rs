// SPDX-License-Identifier: GPL-2.0-only

//! The words that a ring shares with a program.

use crate::abstractions::ring::Control;

/// For Miri, which knows that memory behind a reference does not change unless it is atomic.
#[test]
fn a_program_may_store_to_any_word() {
    let page = Box::into_raw(Box::new(Control::new()));
    // SAFETY: It is valid until the end.
    let control = unsafe { &*page };
    for index in 0..size_of::<Control>() / size_of::<u32>() {
        // SAFETY: So many words are there, and no other thread accesses them.
        unsafe { page.cast::<u32>().add(index).write_volatile(7) };
        assert!(control.head().load_relaxed() <= 7);
    }
    assert_eq!(control.tail().load_relaxed(), 7);
    // SAFETY: `into_raw` gave it, and nothing refers to it any more.
    drop(unsafe { Box::from_raw(page) });
}
