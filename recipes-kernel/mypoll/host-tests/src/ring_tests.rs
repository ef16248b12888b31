// SPDX-License-Identifier: GPL-2.0-only

//! The ring against a model, under any interleaving of what its users do.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use proptest::prelude::*;

use crate::abstractions::ring::{Consumer, Overflow, Producer, Pushed, Ring};
use crate::heap_memory::HeapMemory;
use crate::uapi::Event;

type Ends = (Producer<HeapMemory>, Option<Consumer<HeapMemory>>);

fn ring(capacity: u32, overflow: Overflow, start: u32) -> Ends {
    ring_with_watermark(capacity, 1, overflow, start)
}

fn ring_with_watermark(capacity: u32, watermark: u32, overflow: Overflow, start: u32) -> Ends {
    let memory = HeapMemory::new(capacity.next_power_of_two());
    Ring::new(memory, capacity, watermark, start)
        .share(overflow, |ring| Ok::<_, ()>(Arc::new(ring)))
        .unwrap()
}

fn event(number: u64) -> Event {
    Event {
        timestamp_ns: number,
        ..Event::default()
    }
}

/// The watermark of [`Queue`]s, larger than some and smaller than others.
const WATERMARK: u32 = 4;

/// A queue as its users see it, over a ring that is changed now and then.
struct Queue {
    producer: Producer<HeapMemory>,
    consumer: Option<Consumer<HeapMemory>>,
    overflow: Overflow,
    capacity: u32,
    /// The number of the event that was offered last; events are numbered from 1 on.
    offered: u64,
    /// The number of the event that was read last, and how many were.
    last_read: u64,
    read: u64,
    start: u32,
    /// The numbers of the events that wait.
    model: VecDeque<u64>,
}

impl Queue {
    fn new(capacity: u32, overflow: Overflow, start: u32) -> Self {
        let (producer, consumer) = ring_with_watermark(capacity, WATERMARK, overflow, start);
        Self {
            producer,
            consumer,
            overflow,
            capacity,
            offered: 0,
            last_read: 0,
            read: 0,
            start,
            model: VecDeque::new(),
        }
    }

    fn offer(model: &mut VecDeque<u64>, capacity: u32, overflow: Overflow, number: u64) {
        if model.len() == capacity as usize {
            match overflow {
                Overflow::DropNewest => return,
                Overflow::DropOldest => model.pop_front(),
            };
        }
        model.push_back(number);
    }

    fn push(&mut self) {
        self.offered += 1;
        let full = self.model.len() == self.capacity as usize;
        let pushed = self.producer.push(event(self.offered));
        Self::offer(&mut self.model, self.capacity, self.overflow, self.offered);
        match pushed {
            Pushed::Queued(depth) => {
                assert!(!full || self.overflow == Overflow::DropOldest);
                assert_eq!(depth as usize, self.model.len());
            }
            Pushed::FirstLost | Pushed::Lost => {
                assert!(full && self.overflow == Overflow::DropNewest);
            }
        }
        assert!(!full || self.producer.ring().lost_since_read());
    }

    /// Reads `max` events at most, of which the reader's buffer turns out to hold `room`. Where
    /// they are out of the ring until then, `meanwhile` others come.
    fn read(&mut self, max: usize, room: usize, meanwhile: u8) {
        let mut events = vec![Event::default(); max];
        let taken = match &mut self.consumer {
            None => {
                let lossy = self.producer.ring().lost_since_read();
                let lost_before = self.producer.account().lost;
                let taken = self.producer.take(&mut events);
                let kept = taken.min(room);
                let out: Vec<u64> = self.model.drain(..taken).collect();
                (0..meanwhile).for_each(|_| self.push());
                self.producer.put_back(&events[kept..taken]);
                for number in out[kept..].iter().rev() {
                    if self.model.len() < self.capacity as usize {
                        self.model.push_front(*number);
                    }
                }
                for (event, number) in events[..kept].iter().zip(&out) {
                    self.expect(event, *number);
                }
                let lost = self.producer.account().lost > lost_before;
                assert_eq!(
                    self.producer.ring().lost_since_read(),
                    lost || (lossy && kept == 0),
                );
                return;
            }
            Some(consumer) => {
                let mut filled = 0;
                consumer.take(max, |from, count| {
                    let kept = count.min(room - filled);
                    for offset in 0..kept {
                        // SAFETY: The ring gives `count` events.
                        events[filled + offset] = unsafe { *from.add(offset) };
                    }
                    filled += kept;
                    kept
                })
            }
        };
        assert_eq!(taken, max.min(room).min(self.model.len()));
        for event in &events[..taken] {
            let number = self.model.pop_front().unwrap();
            self.expect(event, number);
        }
        assert!(taken == 0 || !self.producer.ring().lost_since_read());
    }

    fn expect(&mut self, event: &Event, number: u64) {
        assert_eq!(event.timestamp_ns, number);
        assert_eq!(u64::from(event.lost), number - self.last_read - 1);
        self.last_read = number;
        self.read += 1;
        assert_eq!(event.sequence, self.start.wrapping_add(self.read as u32));
    }

    fn change(&mut self, capacity: u32, overflow: Overflow) {
        let start = self.producer.delivered();
        let (mut producer, consumer) = ring_with_watermark(capacity, WATERMARK, overflow, start);
        let mut batch = [Event::default(); 3];
        let lossy = self.producer.ring().lost_since_read();
        let lost_before = self.producer.account().lost;
        loop {
            producer.carry_loss(&self.producer);
            let taken = match &mut self.consumer {
                Some(consumer) => consumer.take_into(&mut batch),
                None => self.producer.take(&mut batch),
            };
            if taken == 0 {
                break;
            }
            for event in &batch[..taken] {
                producer.carry(*event);
            }
        }
        producer.adopt(&self.producer);
        assert_eq!(
            producer.ring().lost_since_read(),
            lossy || producer.account().lost > lost_before,
        );
        for number in std::mem::take(&mut self.model) {
            Self::offer(&mut self.model, capacity, overflow, number);
        }
        (self.producer, self.consumer) = (producer, consumer);
        (self.capacity, self.overflow) = (capacity, overflow);
    }

    fn check(&self) {
        let account = self.producer.account();
        let depth = self.producer.ring().depth();
        assert_eq!(depth as usize, self.model.len());
        assert_eq!(account.generated, self.offered);
        assert_eq!(
            account.generated,
            self.read + account.lost + u64::from(depth)
        );
        assert!(account.high_water >= depth);
        assert_eq!(
            self.producer.ring().is_readable(),
            depth >= self.capacity.min(WATERMARK)
        );
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    Read {
        max: usize,
        room: usize,
        meanwhile: u8,
    },
    Change(u32, Overflow),
}

fn overflow() -> impl Strategy<Value = Overflow> {
    prop_oneof![Just(Overflow::DropNewest), Just(Overflow::DropOldest)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..6u8).prop_map(Step::Push),
        3 => (0..7usize, 0..9usize, 0..9u8)
            .prop_map(|(max, room, meanwhile)| Step::Read { max, room, meanwhile }),
        1 => (1..10u32, overflow()).prop_map(|(capacity, overflow)| Step::Change(capacity, overflow)),
    ]
}

/// Anything, and what may be close to the truth.
fn head() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), 0..60u32, u32::MAX - 20..=u32::MAX]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 24 } else { 2000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn order_and_account_are_exact(
        capacity in 1..10u32,
        overflow in overflow(),
        start in prop_oneof![Just(0), Just(u32::MAX - 5)],
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut queue = Queue::new(capacity, overflow, start);
        for step in steps {
            match step {
                Step::Push(count) => (0..count).for_each(|_| queue.push()),
                Step::Read { max, room, meanwhile } => queue.read(max, room, meanwhile),
                Step::Change(capacity, overflow) => queue.change(capacity, overflow),
            }
            queue.check();
        }
        queue.read(usize::from(u8::MAX), usize::MAX, 0);
        queue.check();
    }

    /// What a program stores as its head costs it events, and nothing else.
    #[test]
    fn any_head_is_survived(
        capacity in 1..10u32,
        heads in prop::collection::vec((head(), 0..5u8, 0..5usize), 1..20),
    ) {
        let (mut producer, consumer) = ring(capacity, Overflow::DropNewest, 0);
        let mut consumer = consumer.unwrap();
        let mut offered = 0;
        for (head, pushes, max) in heads {
            let control = crate::abstractions::ring::Memory::control(producer.ring().memory());
            control.head().store_relaxed(head);
            prop_assert!(producer.ring().depth() <= capacity);
            for _ in 0..pushes {
                offered += 1;
                producer.push(event(offered));
                prop_assert!(producer.ring().depth() <= capacity);
            }
            prop_assert!(consumer.take_into(&mut vec![Event::default(); max]) <= max);
        }
        prop_assert_eq!(producer.account().generated, offered);
    }
}

#[test]
fn a_wait_ends_for_what_is_there_and_not_for_what_comes() {
    let (mut producer, consumer) = ring_with_watermark(8, 4, Overflow::DropNewest, 0);
    let mut consumer = consumer.unwrap();
    producer.ring().end_wait();
    assert!(!producer.ring().is_readable(), "nothing is there");
    producer.push(event(1));
    assert!(!producer.ring().is_readable());
    producer.ring().end_wait();
    assert!(producer.ring().is_readable());
    producer.push(event(2));
    consumer.take_into(&mut [Event::default(); 1]);
    assert!(
        !producer.ring().is_readable(),
        "the second has its own time"
    );
}

#[test]
fn a_full_ring_is_readable_whatever_the_watermark() {
    let (mut producer, _consumer) = ring_with_watermark(2, 3, Overflow::DropNewest, 0);
    producer.push(event(1));
    assert!(!producer.ring().is_readable());
    producer.push(event(2));
    assert!(producer.ring().is_readable());
}

#[test]
fn only_the_first_loss_since_a_read_is_news() {
    let (mut producer, consumer) = ring(1, Overflow::DropNewest, 0);
    let mut consumer = consumer.unwrap();
    for _ in 0..2 {
        assert_eq!(producer.push(event(1)), Pushed::Queued(1));
        assert_eq!(producer.push(event(2)), Pushed::FirstLost);
        assert_eq!(producer.push(event(3)), Pushed::Lost);
        assert!(producer.ring().lost_since_read());
        consumer.take_into(&mut [Event::default()]);
        assert!(!producer.ring().lost_since_read());
    }
}

/// For Miri, which notices accesses of two threads to one slot.
#[test]
fn two_threads_pass_events_in_order() {
    const EVENTS: u64 = if cfg!(miri) { 200 } else { 100_000 };
    let (mut producer, consumer) = ring(5, Overflow::DropNewest, 0);
    let mut consumer = consumer.unwrap();
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
    let mut batch = [Event::default(); 3];
    let mut read_some = || {
        let taken = consumer.take_into(&mut batch);
        for event in &batch[..taken] {
            assert_eq!(event.timestamp_ns, last + 1 + u64::from(event.lost));
            last = event.timestamp_ns;
            read += 1;
            lost += u64::from(event.lost);
            assert_eq!(u64::from(event.sequence), read);
        }
        taken
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
