// SPDX-License-Identifier: GPL-2.0-only

//! The two sides of the ring, in the kernel and between it and a program, under every order that the
//! memory model lets their accesses have.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::abstractions::ring::{Consumer, Control, Memory, Overflow, Producer, Ring};
use crate::mapped_consumer::Waiting;
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

/// Takes one event as the kernel does.
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
    let (producer, consumer) = Ring::new(memory, capacity, 1, 0)
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

/// Takes one event as the client crate does.
fn read_mapped(memory: &WatchedMemory, capacity: u32) -> Option<Event> {
    let (head, tail) = (
        memory.control.head().atomic(),
        memory.control.tail().atomic(),
    );
    let mut waiting = Waiting::look(head, tail, capacity);
    let index = waiting.next()? & (memory.slots() - 1);
    // SAFETY: As the ring has it; loom checks it.
    let event = memory.slots[index as usize].with(|slot| unsafe { *slot });
    waiting.release(head);
    Some(event)
}

const EVENTS: u64 = 3;

/// Pushes events while `read` takes some, and checks that all are accounted for in the end.
fn pass_events(mut producer: Producer<WatchedMemory>, mut read: impl FnMut() -> Option<Event>) {
    let pusher = thread::spawn(move || {
        (1..=EVENTS).for_each(|number| push(&mut producer, number));
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
fn a_reader_in_the_kernel_gets_whole_events_in_order() {
    for capacity in [1, 2] {
        loom::model(move || {
            let (producer, mut consumer) = ring(capacity);
            pass_events(producer, || read(&mut consumer));
        });
    }
}

#[test]
fn a_program_that_mapped_the_ring_gets_whole_events_in_order() {
    for capacity in [1, 2] {
        loom::model(move || {
            let (producer, _consumer) = ring(capacity);
            let shared = producer.ring().clone();
            pass_events(producer, || read_mapped(shared.memory(), capacity));
        });
    }
}
