// SPDX-License-Identifier: GPL-2.0-only

//! The users of the ring, in the kernel and between it and a program, under every order that the
//! memory model lets their accesses have.

use std::array;
use std::mem::offset_of;

use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU32;
use loom::sync::Arc;
use loom::thread;

use crate::kernel_ext::sync::Word;
use crate::mapped_consumer::Waiting;
use crate::queue::ring::{ends, Consumer, Header, Memory, Overflow, Producer, Pushed, Ring};
use crate::uapi::{self, Event};

/// Memory that notices when a slot is written while it is read.
struct WatchedMemory {
    header: Header,
    slots: Box<[UnsafeCell<Event>]>,
}

// SAFETY: loom watches the slots.
unsafe impl Sync for WatchedMemory {}

impl Memory for WatchedMemory {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    fn read(&self, index: u32) -> Event {
        // SAFETY: As the ring has it; loom checks it.
        self.slots[index as usize].with(|slot| unsafe { *slot })
    }

    fn write(&self, index: u32, event: Event) {
        // SAFETY: As the ring has it; loom checks it.
        self.slots[index as usize].with_mut(|slot| unsafe { *slot = event });
    }
}

/// Takes one event as the kernel does.
fn read(consumer: &mut Consumer<WatchedMemory>) -> Option<Event> {
    let mut event = None;
    consumer.take(1, |memory, index, one| {
        event = Some(memory.read(index));
        one
    });
    event
}

fn ring(capacity: u32, watermark: u32) -> (Producer<WatchedMemory>, Consumer<WatchedMemory>) {
    let memory = WatchedMemory {
        header: array::from_fn(|_| Word::new(0)),
        slots: (0..capacity.next_power_of_two())
            .map(|_| UnsafeCell::new(Event::default()))
            .collect(),
    };
    let ring = Arc::new(Ring::new(memory, capacity, watermark, 0));
    let (producer, consumer) = ends(ring, Overflow::DropNewest);
    (producer, consumer.unwrap())
}

fn push(producer: &mut Producer<WatchedMemory>, number: u64) -> Pushed {
    producer.push(Event {
        timestamp_ns: number,
        ..Event::default()
    })
}

/// The word of a header that is so many bytes behind its beginning.
fn word(memory: &WatchedMemory, offset: usize) -> &AtomicU32 {
    memory.header[offset / size_of::<u32>()].atomic()
}

/// Takes one event as the client crate does.
fn read_mapped(memory: &WatchedMemory, capacity: u32) -> Option<Event> {
    let head = word(memory, offset_of!(uapi::Ring, head));
    let tail = word(memory, offset_of!(uapi::Ring, tail));
    let mut waiting = Waiting::look(head, tail, capacity);
    let event = memory.read(waiting.next()? & (memory.slots() - 1));
    waiting.release(head);
    Some(event)
}

const EVENTS: u64 = 3;

/// Pushes events while `read` takes some, and checks that all are accounted for in the end.
fn pass_events(mut producer: Producer<WatchedMemory>, mut read: impl FnMut() -> Option<Event>) {
    let pusher = thread::spawn(move || {
        for number in 1..=EVENTS {
            push(&mut producer, number);
        }
        producer
    });
    let mut last = 0;
    let mut read_all = || {
        let mut count = 0;
        while let Some(event) = read() {
            assert_eq!(event.timestamp_ns, last + 1 + u64::from(event.lost));
            last = event.timestamp_ns;
            count += 1;
        }
        count
    };
    let mut count = read_all();
    let producer = pusher.join().unwrap();
    count += read_all();
    assert_eq!(count + producer.account().lost, EVENTS);
}

#[test]
fn a_kernel_reader_gets_whole_events_in_order() {
    for capacity in [1, 2] {
        loom::model(move || {
            let (producer, mut consumer) = ring(capacity, 1);
            pass_events(producer, || read(&mut consumer));
        });
    }
}

#[test]
fn a_mapping_program_gets_whole_events_in_order() {
    for capacity in [1, 2] {
        loom::model(move || {
            let (producer, _consumer) = ring(capacity, 1);
            let shared = producer.ring().clone();
            pass_events(producer, || read_mapped(shared.memory(), capacity));
        });
    }
}

/// Pushes up to two events, of which no two ever wait.
fn push_into_empty(mut producer: Producer<WatchedMemory>) {
    push(&mut producer, 1);
    // The head only goes forward, so that this is still so when the event comes.
    if producer.ring().depth() == 0 {
        push(&mut producer, 2);
    }
}

/// A reader that takes one event after another must not make a poller count both.
#[test]
fn a_poller_never_counts_two_events_if_at_most_one_is_queued() {
    loom::model(|| {
        let (producer, mut consumer) = ring(2, 2);
        let polled = producer.ring().clone();
        let pusher = thread::spawn(move || push_into_empty(producer));
        let reader = thread::spawn(move || {
            read(&mut consumer);
            read(&mut consumer);
        });
        assert!(!polled.is_readable());
        pusher.join().unwrap();
        reader.join().unwrap();
        assert!(!polled.is_readable());
    });
}

/// The same with fewer threads: loom leaves out orders of three, the one where the head moves between
/// a poller's two loads among them.
#[test]
fn a_poller_never_combines_an_old_head_with_a_new_tail() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring(2, 2);
        let polled = producer.ring().clone();
        let user = thread::spawn(move || {
            for number in 1..=EVENTS {
                push(&mut producer, number);
                assert!(read(&mut consumer).is_some());
            }
        });
        assert!(polled.depth() <= 1);
        assert!(!polled.is_readable());
        user.join().unwrap();
    });
}

#[test]
fn a_poller_never_counts_two_events_if_a_program_takes_each() {
    loom::model(|| {
        let (producer, _consumer) = ring(2, 2);
        let (polled, mapped) = (producer.ring().clone(), producer.ring().clone());
        let pusher = thread::spawn(move || push_into_empty(producer));
        let reader = thread::spawn(move || {
            read_mapped(mapped.memory(), 2);
            read_mapped(mapped.memory(), 2);
        });
        assert!(!polled.is_readable());
        pusher.join().unwrap();
        reader.join().unwrap();
    });
}

/// An event that waited long enough is no reason to call the ring readable once it was taken.
#[test]
fn a_satisfied_wait_ends_when_its_event_is_read() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring(2, 2);
        let polled = producer.ring().clone();
        push(&mut producer, 1);
        let pusher = thread::spawn(move || {
            producer.ring().end_wait();
            if producer.ring().depth() == 0 {
                push(&mut producer, 2);
            }
        });
        assert!(read(&mut consumer).is_some());
        assert!(!polled.is_readable());
        pusher.join().unwrap();
        assert!(!polled.is_readable());
    });
}

/// A loss after a read is news, however long the read takes to end.
#[test]
fn a_loss_after_a_read_is_not_forgotten() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring(1, 1);
        let polled = producer.ring().clone();
        push(&mut producer, 1);
        let pusher = thread::spawn(move || {
            let pushed = [2, 3].map(|number| push(&mut producer, number));
            matches!(pushed, [Pushed::Queued(_), Pushed::FirstLost])
        });
        assert!(read(&mut consumer).is_some());
        let lost_after_read = pusher.join().unwrap();
        assert_eq!(polled.lost_since_read(), lost_after_read);
    });
}

/// A poller that checks after its wake-up finds the event.
#[test]
fn a_notified_poller_sees_the_event() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring(2, 1);
        let polled = producer.ring().clone();
        push(&mut producer, 1);
        let reader = thread::spawn(move || {
            read(&mut consumer);
        });
        let pusher = thread::spawn(move || push(&mut producer, 2));
        pusher.join().unwrap();
        assert!(polled.is_readable(), "one of two was read");
        assert!(!polled.lost_since_read());
        reader.join().unwrap();
        assert_eq!(polled.depth(), 1);
    });
}
