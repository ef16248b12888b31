// SPDX-License-Identifier: GPL-2.0-only

//! The ring against a model, under any interleaving of what its users do.

use proptest::prelude::*;

use crate::queue::ring::Overflow::{self, DropNewest, DropOldest};
use crate::ring_model::{Between, Queue};

#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    EndWait,
    Read {
        max: usize,
        room: usize,
        meanwhile: u8,
    },
    Change {
        capacity: u32,
        overflow: Overflow,
        keep_due: bool,
        steps: Vec<Between>,
    },
}

fn overflow() -> impl Strategy<Value = Overflow> {
    prop_oneof![Just(DropNewest), Just(DropOldest)]
}

fn between() -> impl Strategy<Value = Between> {
    (0..5u32, 0..5u8, any::<bool>()).prop_map(|(max, pushes, end_wait)| Between {
        max,
        pushes,
        end_wait,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..6u8).prop_map(Step::Push),
        1 => Just(Step::EndWait),
        3 => (0..7usize, 0..9usize, 0..9u8)
            .prop_map(|(max, room, meanwhile)| Step::Read { max, room, meanwhile }),
        2 => (1..10u32, overflow(), any::<bool>(), prop::collection::vec(between(), 0..6))
            .prop_map(|(capacity, overflow, keep_due, steps)| {
                Step::Change { capacity, overflow, keep_due, steps }
            }),
    ]
}

fn drain(queue: &mut Queue) {
    queue.read(usize::from(u8::MAX), usize::MAX, 0);
    queue.check();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 6 } else { 4000 },
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
                Step::EndWait => queue.end_wait(),
                Step::Read { max, room, meanwhile } => queue.read(max, room, meanwhile),
                Step::Change { capacity, overflow, keep_due, steps } => {
                    queue.change(capacity, overflow, keep_due, &steps);
                }
            }
            queue.check();
        }
        drain(&mut queue);
        // One more event reports the last losses.
        queue.push();
        drain(&mut queue);
    }
}

/// The old ring drops an event after each step, so that all numbers change.
#[test]
fn a_queue_that_drops_its_oldest_during_a_change_keeps_its_counters() {
    const STEP: Between = Between {
        max: 2,
        pushes: 1,
        end_wait: false,
    };
    let mut queue = Queue::new(5, DropOldest, 0);
    (0..8).for_each(|_| queue.push());
    queue.read(2, 1, 0);
    for (capacity, overflow) in [
        (5, DropNewest),
        (3, DropOldest),
        (8, DropNewest),
        (8, DropOldest),
        (2, DropOldest),
        (1, DropNewest),
    ] {
        queue.change(capacity, overflow, true, &[STEP; 4]);
        queue.check();
        queue.read(1, 1, 0);
        queue.check();
        (0..4).for_each(|_| queue.push());
        queue.check();
    }
    drain(&mut queue);
}

#[test]
fn due_events_stay_due_in_the_new_ring_on_request() {
    for (keep_due, overflow) in [
        (true, DropNewest),
        (true, DropOldest),
        (false, DropNewest),
        (false, DropOldest),
    ] {
        let mut queue = Queue::new(8, DropNewest, 0);
        queue.push();
        queue.end_wait();
        queue.push();
        queue.push();
        // `check` compares readability.
        queue.change(6, overflow, keep_due, &[]);
        queue.check();
        queue.read(1, 1, 0);
        queue.check();
    }
}

#[test]
fn losing_an_older_event_does_not_make_an_event_due() {
    let mut queue = Queue::new(12, DropOldest, 0);
    (0..3).for_each(|_| queue.push());
    queue.end_wait();
    (0..5).for_each(|_| queue.push());
    queue.change(5, DropOldest, true, &[]);
    queue.read(2, 2, 0);
    queue.check();
}
