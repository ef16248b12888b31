// SPDX-License-Identifier: GPL-2.0-only

//! The two sides of the ring, under every order that the memory model lets their accesses have.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::abstractions::ring::{Consumer, Control, Memory, Overflow, Producer, Ring};
use crate::uapi::Event;

/// Memory that notices when a slot is written while it is read.
struct WatchedMemory {
    control: Control,
    slots: Box<[UnsafeCell<Event>]>,
}

// SAFETY: loom watches the slots.
unsafe impl Sync for WatchedMemory {}
// SAFETY: As above.
unsafe impl Send for WatchedMemory {}

// SAFETY: Nothing else accesses the slots.
unsafe impl Memory for WatchedMemory {
    fn control(&self) -> &Control {
        &self.control
    }

    fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Not a pointer to an event but to its cell, which is how `read` finds it.
    fn slot(&self, index: u32) -> *mut Event {
        (&raw const self.slots[index as usize]).cast_mut().cast()
    }

    unsafe fn write(&self, index: u32, event: Event) {
        // SAFETY: As the ring has it; loom checks it.
        self.slots[index as usize].with_mut(|slot| unsafe { *slot = event });
    }
}

/// Takes one event.
fn read(consumer: &mut Consumer<WatchedMemory>) -> Option<Event> {
    let mut event = None;
    consumer.take(1, |from, _one| {
        // SAFETY: See `WatchedMemory::slot`.
        let cell = unsafe { &*from.cast::<UnsafeCell<Event>>() };
        // SAFETY: As the ring has it; loom checks it.
        event = Some(cell.with(|slot| unsafe { *slot }));
        1
    });
    event
}

fn ring(capacity: u32) -> (Producer<WatchedMemory>, Consumer<WatchedMemory>) {
    let memory = WatchedMemory {
        control: Control::new(),
        slots: (0..capacity.next_power_of_two())
            .map(|_| UnsafeCell::new(Event::default()))
            .collect(),
    };
    let (producer, consumer) = Ring::new(memory, capacity, 0)
        .share(Overflow::DropNewest, |ring| Ok::<_, ()>(Arc::new(ring)))
        .unwrap();
    (producer, consumer.unwrap())
}

fn push(producer: &mut Producer<WatchedMemory>, number: u64) {
    producer.push(Event {
        timestamp_ns: number,
        ..Event::default()
    });
}

#[test]
fn events_arrive_whole_in_order_and_losses_are_told() {
    const EVENTS: u64 = 3;
    for capacity in [1, 2] {
        loom::model(move || {
            let (mut producer, mut consumer) = ring(capacity);
            let pusher = thread::spawn(move || {
                (1..=EVENTS).for_each(|number| push(&mut producer, number));
                producer
            });
            let mut last = 0;
            let mut read_all = |consumer: &mut Consumer<_>| {
                let mut count = 0;
                while let Some(event) = read(consumer) {
                    assert_eq!(event.timestamp_ns, last + 1 + u64::from(event.lost));
                    last = event.timestamp_ns;
                    count += 1;
                }
                count
            };
            let mut count = read_all(&mut consumer);
            let producer = pusher.join().unwrap();
            count += read_all(&mut consumer);
            assert_eq!(count + producer.account().lost, EVENTS);
        });
    }
}
