// SPDX-License-Identifier: GPL-2.0-only

//! A queue of its own ring, and beside it what it has to behave like.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::heap_memory::HeapMemory;
use crate::queue::ring::{ends, Consumer, Overflow, Producer, Pushed, Relayout, Ring};
use crate::uapi::Event;

/// Makes a ring of [`HeapMemory`].
pub(crate) fn ring(capacity: u32, watermark: u32, start: u32) -> Arc<Ring<HeapMemory>> {
    let memory = HeapMemory::new(capacity.next_power_of_two());
    Arc::new(Ring::new(memory, capacity, watermark, start))
}

/// Takes up to `max` events, of which the reader's buffer turns out to hold `room`.
pub(crate) fn take(consumer: &mut Consumer<HeapMemory>, max: usize, room: usize) -> Vec<Event> {
    let mut events = Vec::new();
    let taken = consumer.take(max, |memory, index, count| {
        use crate::queue::ring::Memory;
        assert!(count > 0);
        let kept = count.min(room - events.len());
        events.extend((index..).take(kept).map(|index| memory.read(index)));
        kept
    });
    assert_eq!(taken, events.len());
    events
}

/// The event with a number, which all of it tells.
fn event(number: u64) -> Event {
    Event {
        timestamp_ns: number,
        source: number as u16 % 4,
        line: number as u32,
        ..Event::default()
    }
}

/// The watermark of each [`Queue`], larger than some and smaller than others.
const WATERMARK: u32 = 4;

/// Operations on a queue between two steps of a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Between {
    /// How many events were to be copied before.
    pub(crate) max: u32,
    pub(crate) pushes: u8,
    pub(crate) end_wait: bool,
}

/// A queue as its users see it, over a ring that is changed now and then.
pub(crate) struct Queue {
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
    /// The numbers of the events that wait, and how many did at most.
    waiting: VecDeque<u64>,
    high_water: usize,
    /// Events up to this number have waited long enough.
    due: u64,
    /// An event was lost since the last read.
    lossy: bool,
}

impl Queue {
    pub(crate) fn new(capacity: u32, overflow: Overflow, start: u32) -> Self {
        let (producer, consumer) = ends(ring(capacity, WATERMARK, start), overflow);
        Self {
            producer,
            consumer,
            overflow,
            capacity,
            offered: 0,
            last_read: 0,
            read: 0,
            start,
            waiting: VecDeque::new(),
            high_water: 0,
            due: 0,
            lossy: false,
        }
    }

    fn is_full(&self) -> bool {
        self.waiting.len() == self.capacity as usize
    }

    pub(crate) fn push(&mut self) {
        self.offered += 1;
        let pushed = self.producer.push(event(self.offered));
        let first_loss = self.is_full() && !self.lossy;
        self.lossy |= self.is_full();
        let displaced = match self.overflow {
            Overflow::DropNewest if self.is_full() => {
                let expected = if first_loss {
                    Pushed::FirstLost
                } else {
                    Pushed::Lost
                };
                assert_eq!(pushed, expected);
                return;
            }
            Overflow::DropOldest if self.is_full() => self.waiting.pop_front(),
            _ => None,
        };
        self.waiting.push_back(self.offered);
        self.high_water = self.high_water.max(self.waiting.len());
        let depth = self.waiting.len() as u32;
        let expected = match displaced.map(event) {
            None => Pushed::Queued(depth),
            Some(Event { source, line, .. }) => Pushed::Displaced {
                depth,
                source,
                line,
            },
        };
        assert_eq!(pushed, expected);
    }

    pub(crate) fn end_wait(&mut self) {
        self.producer.ring().end_wait();
        self.due = self.offered;
    }

    /// Reads `max` events at most, of which the reader's buffer turns out to hold `room`. Where
    /// they are out of the ring until then, `meanwhile` others come.
    pub(crate) fn read(&mut self, max: usize, room: usize, meanwhile: u8) {
        let Some(consumer) = &mut self.consumer else {
            return self.read_and_put_back(max, room, meanwhile);
        };
        let events = take(consumer, max, room);
        assert_eq!(events.len(), max.min(room).min(self.waiting.len()));
        for event in &events {
            let number = self.waiting.pop_front().unwrap();
            self.expect(event, number);
        }
        self.lossy &= events.is_empty();
    }

    fn read_and_put_back(&mut self, max: usize, room: usize, meanwhile: u8) {
        let mut events = vec![Event::default(); max];
        let taken = self.producer.take(&mut events);
        assert_eq!(taken, max.min(self.waiting.len()));
        let kept = taken.min(room);
        let numbers: Vec<u64> = self.waiting.drain(..taken).collect();
        let was_lossy = self.lossy;
        self.lossy &= taken == 0;

        (0..meanwhile).for_each(|_| self.push());
        self.producer.put_back(&events[kept..taken]);
        for number in numbers[kept..].iter().rev() {
            if self.is_full() {
                self.lossy = true;
            } else {
                self.waiting.push_front(*number);
            }
        }
        self.high_water = self.high_water.max(self.waiting.len());
        self.lossy |= was_lossy && kept == 0;
        for (event, number) in events[..kept].iter().zip(&numbers) {
            self.expect(event, *number);
        }
    }

    fn expect(&mut self, event: &Event, number: u64) {
        assert_eq!(event.timestamp_ns, number);
        assert_eq!(u64::from(event.lost), number - self.last_read - 1);
        self.last_read = number;
        self.read += 1;
        assert_eq!(event.sequence, self.start.wrapping_add(self.read as u32));
    }

    /// Moves the queue to another ring, in steps.
    pub(crate) fn change(
        &mut self,
        capacity: u32,
        overflow: Overflow,
        keep_due: bool,
        steps: &[Between],
    ) {
        let ring = ring(capacity, WATERMARK, 0);
        let mut relayout = Relayout::new(ring, overflow, &self.producer);
        let mut left_before = None;
        for step in steps {
            let left = self.unchanged(|queue| relayout.copy(&queue.producer, step.max));
            let kept = capacity.min(self.waiting.len() as u32);
            let left_before = left_before.take().unwrap_or(kept);
            assert!(left <= left_before.saturating_sub(step.max));
            (0..step.pushes).for_each(|_| self.push());
            if step.end_wait {
                self.end_wait();
            }
            self.check();
        }
        let (producer, consumer) =
            self.unchanged(|queue| relayout.finish(&queue.producer, keep_due));
        (self.producer, self.consumer) = (producer, consumer);
        (self.capacity, self.overflow) = (capacity, overflow);
        assert_eq!(self.consumer.is_none(), self.producer.takes_out());

        while self.waiting.len() > capacity as usize {
            self.lossy = true;
            match overflow {
                Overflow::DropNewest => self.waiting.pop_back(),
                Overflow::DropOldest => self.waiting.pop_front(),
            };
        }
        if !keep_due {
            self.due = 0;
        }
    }

    /// Does something that users of the ring must not notice.
    fn unchanged<T>(&self, act: impl FnOnce(&Self) -> T) -> T {
        let contents = || self.producer.ring().memory().contents();
        let before = contents();
        let result = act(self);
        self.check();
        assert!(contents() == before, "the old ring was modified");
        result
    }

    /// Compares all that can be seen without reading an event.
    pub(crate) fn check(&self) {
        let (producer, ring) = (&self.producer, self.producer.ring());
        let account = producer.account();
        let depth = ring.depth();
        assert_eq!(depth as usize, self.waiting.len());
        assert_eq!(account.generated, self.offered);
        assert_eq!(
            account.generated,
            self.read + account.lost + u64::from(depth)
        );
        assert_eq!(account.high_water as usize, self.high_water);
        assert_eq!(producer.is_full(), self.is_full());
        assert_eq!(
            producer.oldest().map(|event| event.timestamp_ns),
            self.waiting.front().copied()
        );
        assert_eq!(
            producer.sequence(),
            self.start
                .wrapping_add(self.read as u32)
                .wrapping_add(depth)
        );
        assert_eq!(ring.lost_since_read(), self.lossy);
        let is_due = self
            .waiting
            .front()
            .is_some_and(|oldest| *oldest <= self.due);
        assert_eq!(
            ring.is_readable(),
            is_due || depth >= self.capacity.min(WATERMARK)
        );
    }
}
