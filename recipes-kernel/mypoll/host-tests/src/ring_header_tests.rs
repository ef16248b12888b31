// SPDX-License-Identifier: GPL-2.0-only

//! The words that a ring shares with a program.

use std::array;
use std::mem::size_of;
use std::sync::Arc;

use crate::kernel_ext::sync::Word;
use crate::queue::ring::{ends, Header, Memory, Overflow, Ring};
use crate::uapi::{self, Event};

/// A header that a program has mapped, and one slot.
struct Mapped {
    page: *mut Header,
}

// SAFETY: The page is this value's own, and all words in it are atomic.
unsafe impl Send for Mapped {}
// SAFETY: As above.
unsafe impl Sync for Mapped {}

impl Mapped {
    fn new() -> Self {
        const { assert!(size_of::<Header>() == size_of::<uapi::Ring>()) };
        let header: Header = array::from_fn(|_| Word::new(0));
        Self {
            page: Box::into_raw(Box::new(header)),
        }
    }

    /// The page as the program has it.
    fn program(&self) -> *mut uapi::Ring {
        self.page.cast()
    }
}

impl Memory for Mapped {
    fn header(&self) -> &Header {
        // SAFETY: It is valid until `drop`.
        unsafe { &*self.page }
    }

    fn slots(&self) -> u32 {
        4
    }

    fn read(&self, _index: u32) -> Event {
        Event::default()
    }

    fn write(&self, _index: u32, _event: Event) {}
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: `into_raw` gave it, and nothing refers to it any more.
        drop(unsafe { Box::from_raw(self.page) });
    }
}

#[test]
fn the_words_have_the_offsets_of_the_header_file() {
    let ring = Arc::new(Ring::new(Mapped::new(), 3, 1, 7));
    let program = ring.memory().program();
    let (mut producer, consumer) = ends(ring.clone(), Overflow::DropNewest);
    producer.push(Event::default());
    producer.push(Event::default());
    consumer.unwrap().take(1, |_, _, count| count);
    // SAFETY: The ring keeps the page, and no other thread accesses it.
    let header = unsafe { program.read_volatile() };
    assert_eq!(
        (header.head, header.tail, header.mask, header.capacity),
        (8, 9, 3, 3)
    );
    let reserved = [&header.reserved1[..], &header.reserved2, &header.reserved3];
    assert!(reserved.concat().iter().all(|word| *word == 0));
}

/// For Miri, which knows that memory behind a reference does not change unless it is atomic.
#[test]
fn a_program_may_store_to_any_word() {
    let mapped = Mapped::new();
    let header = mapped.header();
    for (index, word) in header.iter().enumerate() {
        assert_eq!(word.load_relaxed(), 0);
        // SAFETY: So many words are there, and no other thread accesses them.
        unsafe { mapped.page.cast::<u32>().add(index).write_volatile(7) };
        assert_eq!(word.load_relaxed(), 7);
    }
}
