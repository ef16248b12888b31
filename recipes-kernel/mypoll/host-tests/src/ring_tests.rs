// SPDX-License-Identifier: GPL-2.0-only

//! The ring in cases that its model leaves out, and those that are worth a name.

use std::mem::offset_of;
use std::thread;

use proptest::prelude::*;

use crate::heap_memory::HeapMemory;
use crate::queue::ring::{ends, Consumer, Memory, Overflow, Producer, Pushed};
use crate::ring_model::{ring, take};
use crate::uapi::{self, Event};

fn drop_newest(capacity: u32, watermark: u32) -> (Producer<HeapMemory>, Consumer<HeapMemory>) {
    let (producer, consumer) = ends(ring(capacity, watermark, 0), Overflow::DropNewest);
    (producer, consumer.unwrap())
}

fn event(number: u64) -> Event {
    Event {
        timestamp_ns: number,
        ..Event::default()
    }
}

/// Anything, and what may be close to the truth.
fn head() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), 0..60u32, u32::MAX - 20..=u32::MAX]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 8 } else { 2000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// An invalid head costs the program events, but breaks nothing else.
    #[test]
    fn any_stored_head_costs_only_events(
        capacity in 1..10u32,
        heads in prop::collection::vec((head(), 0..5u8, 0..5usize), 1..20),
    ) {
        let (mut producer, mut consumer) = drop_newest(capacity, 1);
        let mut offered = 0;
        for (head, pushes, max) in heads {
            let header = producer.ring().memory().header();
            header[offset_of!(uapi::Ring, head) / 4].store_relaxed(head);
            prop_assert!(producer.ring().depth() <= capacity);
            for _ in 0..pushes {
                offered += 1;
                producer.push(event(offered));
                prop_assert!(producer.ring().depth() <= capacity);
            }
            prop_assert!(take(&mut consumer, max, max).len() <= max);
        }
        prop_assert_eq!(producer.account().generated, offered);
    }
}

/// Nor do the driver's own words in the header count.
#[test]
fn a_program_cannot_move_the_tail() {
    let (mut producer, mut consumer) = drop_newest(4, 1);
    producer.push(event(1));
    for word in producer.ring().memory().header().iter().skip(1) {
        word.store_relaxed(u32::MAX);
    }
    assert_eq!(producer.ring().depth(), 1);
    producer.push(event(2));
    let numbers: Vec<u64> = take(&mut consumer, 9, 9)
        .iter()
        .map(|event| event.timestamp_ns)
        .collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_wait_ends_for_queued_events_but_not_for_later_ones() {
    let (mut producer, mut consumer) = drop_newest(8, 4);
    producer.ring().end_wait();
    assert!(!producer.ring().is_readable(), "nothing is there");
    producer.push(event(1));
    assert!(!producer.ring().is_readable());
    producer.ring().end_wait();
    assert!(producer.ring().is_readable());
    producer.push(event(2));
    take(&mut consumer, 1, 1);
    assert!(
        !producer.ring().is_readable(),
        "the second has its own time"
    );
}

#[test]
fn a_full_ring_is_readable_with_any_watermark() {
    let (mut producer, _consumer) = drop_newest(2, 3);
    producer.push(event(1));
    assert!(!producer.ring().is_readable());
    producer.push(event(2));
    assert!(producer.ring().is_readable());
}

#[test]
fn only_the_first_loss_since_a_read_is_reported() {
    let (mut producer, mut consumer) = drop_newest(1, 1);
    for _ in 0..2 {
        assert_eq!(producer.push(event(1)), Pushed::Queued(1));
        assert_eq!(producer.push(event(2)), Pushed::FirstLost);
        assert_eq!(producer.push(event(3)), Pushed::Lost);
        assert!(producer.ring().lost_since_read());
        take(&mut consumer, 1, 1);
        assert!(!producer.ring().lost_since_read());
    }
}

#[test]
fn only_a_ring_that_drops_its_newest_event_has_a_consumer() {
    let (mut producer, consumer) = ends(ring(2, 1, 0), Overflow::DropOldest);
    assert!(consumer.is_none() && producer.takes_out());
    producer.push(event(1));
    assert_eq!(producer.take(&mut [Event::default(); 2]), 1);

    let (mut producer, _consumer) = drop_newest(2, 1);
    assert!(!producer.takes_out());
    producer.push(event(1));
    assert_eq!(producer.take(&mut [Event::default(); 2]), 0);
}

/// For Miri, which notices accesses of two threads to one slot.
#[test]
fn two_threads_pass_events_in_order() {
    const EVENTS: u64 = if cfg!(miri) { 200 } else { 100_000 };
    let (mut producer, mut consumer) = drop_newest(5, 1);
    let pusher = thread::spawn(move || {
        for number in 1..=EVENTS {
            producer.push(event(number));
            if number % 7 == 0 {
                thread::yield_now();
            }
        }
        producer
    });
    let (mut read, mut lost, mut last) = (0, 0, 0);
    let mut read_some = || {
        let events = take(&mut consumer, 3, 3);
        for event in &events {
            assert_eq!(event.timestamp_ns, last + 1 + u64::from(event.lost));
            last = event.timestamp_ns;
            read += 1;
            lost += u64::from(event.lost);
            assert_eq!(u64::from(event.sequence), read);
        }
        events.len()
    };
    while !pusher.is_finished() {
        read_some();
        thread::yield_now();
    }
    // Only this makes sure that what the thread did last is seen.
    let account = pusher.join().unwrap().account();
    while read_some() > 0 {}
    assert_eq!(account.generated, EVENTS);
    assert_eq!(read + account.lost, EVENTS);
    assert!(lost <= account.lost);
}
