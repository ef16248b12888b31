// SPDX-License-Identifier: GPL-2.0-only

//! A receiver of events: a private queue with its waiters and its files with `SIGIO`.
//!
//! A sink has two halves. The bus lock protects [`SinkState`], to which events are added. [`Sink`]
//! is used without that lock: by pollers, and to wake waiters.

use crate::{
    clock::{
        now_ns,
        Clock, //
    },
    event::{
        Event,
        Kind, //
    },
    kernel_ext::{
        fasync::FasyncList,
        misc_device::{
            PRIORITY,
            READABLE,
            WRITABLE, //
        },
        rcu::{
            RcuNode,
            RcuSlot,
            Retire, //
        },
        sync::Word,
        wait::{
            new_poll_queue,
            PollQueue,
            Readers, //
        },
    },
    queue::{
        owed::Owed,
        ring::{
            Consumer,
            Producer,
            Pushed,
            Relayout,
            Ring, //
        },
        settings::Settings,
        Area, //
    },
    uapi::{
        self,
        Stats, //
    }, //
};
use kernel::{
    prelude::*,
    sync::{
        rcu,
        Arc, //
    }, //
};

/// What an event means for waiters of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Nothing yet.
    Nothing,
    /// Nothing yet, but it becomes readable after this many microseconds.
    Wait(u32),
    /// The file is readable.
    Readable,
    /// An event was lost for the first time since the last read.
    Loss,
}

/// The result of offering an event.
pub(crate) enum Offered {
    /// Its kind does not match, or it will be queued later.
    Passed,
    /// It was queued.
    Queued(Notice),
    /// An event was lost, this one or the oldest; with its GPIO line, if it has one.
    Lost(Notice, Option<u32>),
}

/// The ring of a sink, for pollers.
pub(crate) struct PolledRing {
    ring: Arc<Ring<Area>>,
    /// Whether the ring is all that a poller must check: no timer has to be started for it, and a
    /// software trigger is never refused.
    is_enough: bool,
}

impl PolledRing {
    /// Wraps the ring of a sink with `settings`.
    pub(crate) fn new(ring: Arc<Ring<Area>>, settings: &Settings) -> Self {
        Self {
            ring,
            is_enough: settings.watermark_us.is_none() && settings.takes_trigger(),
        }
    }
}

impl Retire for PolledRing {}

/// The half of a sink that is used without the bus lock.
#[pin_data]
pub(crate) struct Sink {
    ring: RcuSlot<PolledRing>,
    #[pin]
    readers: Readers,
    /// Number of sleeping readers. Changed under the bus lock.
    sleeping: Word,
    #[pin]
    pollers: PollQueue,
    fasync: FasyncList,
    /// 1 while a removal is owed. Changed under the bus lock.
    owes: Word,
}

impl Retire for Sink {
    fn retire(&self) {
        self.pollers.end();
    }
}

impl Sink {
    /// Creates a sink with `ring` and without waiters.
    pub(crate) fn new(ring: RcuNode<PolledRing>) -> impl PinInit<Self> {
        let place = RcuSlot::new();
        drop(place.swap(Some(ring)));
        pin_init!(Self {
            ring: place,
            readers <- Readers::new(),
            sleeping: Word::new(0),
            pollers <- new_poll_queue!("mypoll::Sink::pollers"),
            fasync: FasyncList::new(),
            owes: Word::new(0),
        })
    }

    /// Returns the slot of the ring for pollers. Replaced under the bus lock.
    pub(crate) fn ring(&self) -> &RcuSlot<PolledRing> {
        &self.ring
    }

    /// Returns the sleeping readers.
    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Returns the pollers.
    pub(crate) fn pollers(&self) -> &PollQueue {
        &self.pollers
    }

    /// Returns the files that get `SIGIO` when it becomes readable.
    pub(crate) fn fasync(&self) -> &FasyncList {
        &self.fasync
    }

    /// Counts a reader that starts or stops sleeping. Called under the bus lock.
    pub(crate) fn count_sleeping(&self, sleeps: bool) {
        let sleeping = self.sleeping.load_relaxed();
        let sleeping = if sleeps { sleeping + 1 } else { sleeping - 1 };
        self.sleeping.store_relaxed(sleeping);
    }

    /// Whether a reader was asleep before the bus lock was last taken.
    #[inline]
    pub(crate) fn has_sleeper(&self) -> bool {
        self.sleeping.load_relaxed() != 0
    }

    /// Whether the removal of a line waits for room.
    #[inline]
    pub(crate) fn owes(&self) -> bool {
        self.owes.load_relaxed() != 0
    }

    /// Wakes one reader and all pollers, and sends `SIGIO`.
    #[inline]
    pub(crate) fn announce(&self) {
        if self.has_sleeper() {
            self.readers.wake_one();
        }
        self.pollers.wake(READABLE | PRIORITY);
        self.fasync.notify_readable();
    }

    /// Returns the readiness for a poller, if it can be determined without the bus lock.
    #[inline]
    pub(crate) fn poll(&self) -> Option<u32> {
        if self.owes() {
            return None;
        }
        let guard = rcu::read_lock();
        let polled = self.ring.read(&guard).filter(|polled| polled.is_enough)?;
        Some(readiness(&polled.ring) | WRITABLE)
    }
}

/// Returns the readiness of `ring` for a reader.
#[inline]
fn readiness(ring: &Ring<Area>) -> u32 {
    let mut ready = 0;
    if ring.is_readable() {
        ready |= READABLE;
    }
    if ring.lost_since_read() {
        ready |= PRIORITY;
    }
    ready
}

/// Returns `event` in the programs' format, without the fields that a ring fills in.
#[inline]
pub(crate) fn record_of(event: &Event) -> uapi::Event {
    uapi::Event {
        timestamp_ns: event.timestamp_ns,
        sequence: 0,
        lost: 0,
        source: event.source as u16,
        kind: event.kind as u16,
        line: event.line,
        value: event.value,
        line_sequence: event.line_sequence,
    }
}

/// The half of a sink that the bus lock protects.
pub(crate) struct SinkState {
    producer: Producer<Area>,
    settings: Settings,
    owed: Owed,
    /// How often the ring was mapped; cannot overflow in practice.
    mappings: u64,
    /// Events are being moved to another ring.
    changing: bool,
    /// The watermark timer is running.
    waiting: bool,
}

impl SinkState {
    /// Creates a queue with `settings` over the ring of `producer`.
    pub(crate) fn new(producer: Producer<Area>, settings: Settings) -> Self {
        Self {
            producer,
            settings,
            owed: Owed::default(),
            mappings: 0,
            changing: false,
            waiting: false,
        }
    }

    /// Returns the settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the producer end.
    pub(crate) fn producer(&mut self) -> &mut Producer<Area> {
        &mut self.producer
    }

    /// Queues `event`, whose source and line match, if its kind matches, too; `record` is the same event.
    /// `removed` returns when a line was last removed, and the number of that event.
    #[inline(always)]
    pub(crate) fn offer(
        &mut self,
        sink: &Sink,
        event: &Event,
        record: &uapi::Event,
        removed: impl Fn(u32) -> (u64, u32),
    ) -> Offered {
        if !self.settings.filter.takes_kind(event.kind) {
            return Offered::Passed;
        }
        if (event.kind == Kind::Removed || !self.owed.is_empty()) && self.owe(sink, event, removed)
        {
            return Offered::Passed;
        }
        let mut record = *record;
        if self.settings.clock != Clock::Monotonic {
            record.timestamp_ns = self.settings.clock.at(record.timestamp_ns);
        }
        match self.producer.push(record) {
            Pushed::Queued(depth) if depth >= self.settings.watermark_events => {
                Offered::Queued(Notice::Readable)
            }
            pushed => self.queued(pushed, event),
        }
    }

    /// Queues owed removals before a later event. Returns whether that is a removal itself that must be
    /// owed.
    #[cold]
    #[inline(never)]
    fn owe(&mut self, sink: &Sink, event: &Event, removed: impl Fn(u32) -> (u64, u32)) -> bool {
        self.settle(sink, removed);
        let owe =
            event.kind == Kind::Removed && !self.producer.takes_out() && self.producer.is_full();
        if owe {
            // Waiters were already notified of the full queue.
            self.owed.owe(event.line);
            sink.owes.store_relaxed(1);
        }
        owe
    }

    /// Handles the result of queuing an event, if it is not the common case.
    #[cold]
    #[inline(never)]
    fn queued(&mut self, pushed: Pushed, event: &Event) -> Offered {
        let line_of = |source, line| (source == uapi::SOURCE_GPIO).then_some(line);
        match pushed {
            Pushed::Queued(depth) => Offered::Queued(self.notice(depth)),
            Pushed::Displaced {
                depth,
                source,
                line,
            } => Offered::Lost(self.notice(depth), line_of(source, line)),
            Pushed::FirstLost => {
                Offered::Lost(Notice::Loss, line_of(event.source as u16, event.line))
            }
            Pushed::Lost => {
                Offered::Lost(Notice::Nothing, line_of(event.source as u16, event.line))
            }
        }
    }

    fn notice(&mut self, depth: u32) -> Notice {
        if depth >= self.settings.watermark_events || self.is_readable() {
            Notice::Readable
        } else {
            self.begin_wait()
        }
    }

    /// Queues owed removals while there is room. `removed` as for
    /// [`offer`](Self::offer).
    pub(crate) fn settle(&mut self, sink: &Sink, removed: impl Fn(u32) -> (u64, u32)) {
        while !self.producer.is_full() {
            let Some(line) = self.owed.pop() else {
                sink.owes.store_relaxed(0);
                return;
            };
            let (timestamp_ns, line_sequence) = removed(line);
            self.producer.push(uapi::Event {
                timestamp_ns: self.settings.clock.at(timestamp_ns),
                ..record_of(&Event {
                    line_sequence,
                    ..Event::removed(timestamp_ns, line)
                })
            });
        }
    }

    /// Starts the watermark time for waiting events that are too few.
    pub(crate) fn begin_wait(&mut self) -> Notice {
        if self.settings.watermark_us.is_none() || self.waiting || self.is_readable() {
            return Notice::Nothing;
        }
        match self.time_left() {
            Some(left) => {
                self.waiting = true;
                Notice::Wait(left)
            }
            None => Notice::Nothing,
        }
    }

    /// The time requested by [`Notice::Wait`] is over.
    pub(crate) fn end_wait(&mut self) -> Notice {
        // Otherwise the event that it was started for has been read, or the settings have changed.
        if core::mem::take(&mut self.waiting) && self.time_left() == Some(0) {
            self.producer.ring().end_wait();
        }
        self.look_again()
    }

    /// Returns what waiters must be told now.
    pub(crate) fn look_again(&mut self) -> Notice {
        if self.is_readable() {
            Notice::Readable
        } else {
            self.begin_wait()
        }
    }

    /// Returns the remaining watermark time of the oldest event in microseconds; `None` if there is no
    /// event or no watermark time.
    fn time_left(&self) -> Option<u32> {
        let us = self.settings.watermark_us?;
        let oldest = self.producer.oldest()?.timestamp_ns;
        let waited_ns = self.settings.clock.at(now_ns()).wrapping_sub(oldest);
        // If the clock was set back meanwhile, this is very long, which ends the wait.
        Some(u64::from(us).saturating_sub(waited_ns / 1000) as u32)
    }

    /// Whether the file is readable for poll.
    #[inline]
    pub(crate) fn is_readable(&self) -> bool {
        self.producer.ring().is_readable()
    }

    /// Returns the readiness for a poller, without room.
    pub(crate) fn readiness(&self) -> u32 {
        readiness(self.producer.ring())
    }

    /// Returns the statistics.
    pub(crate) fn stats(&self) -> Stats {
        let account = self.producer.account();
        let depth = self.producer.ring().depth();
        Stats {
            generated: account.generated,
            // A program that stores an invalid head may make this negative.
            read: account
                .generated
                .saturating_sub(account.lost + u64::from(depth)),
            lost: account.lost,
            depth,
            high_water: account.high_water,
            capacity: self.settings.capacity,
            reserved: 0,
        }
    }

    /// Returns the ring for mapping.
    ///
    /// `EINVAL` when it drops its oldest event, `EBUSY` while it is being changed.
    pub(crate) fn begin_mapping(&mut self) -> Result<Arc<Ring<Area>>> {
        if self.producer.takes_out() {
            return Err(EINVAL);
        }
        if self.changing {
            return Err(EBUSY);
        }
        self.mappings += 1;
        Ok(self.producer.ring().clone())
    }

    /// Undoes [`begin_mapping`](Self::begin_mapping) after a failure.
    pub(crate) fn undo_mapping(&mut self) {
        self.mappings -= 1;
    }

    /// Prevents mapping of the ring; `EBUSY` if it is mapped.
    pub(crate) fn begin_change(&mut self) -> Result {
        if self.mappings > 0 {
            return Err(EBUSY);
        }
        self.changing = true;
        Ok(())
    }

    /// Switches to other settings and another ring. Returns the old producer, and the new reader's end.
    pub(crate) fn end_change(
        &mut self,
        relayout: Relayout<Area>,
        settings: Settings,
    ) -> (Producer<Area>, Option<Consumer<Area>>) {
        let (producer, consumer) = relayout.finish(&self.producer, settings.watermark_us.is_some());
        self.settings = settings;
        self.changing = false;
        self.waiting = false;
        (core::mem::replace(&mut self.producer, producer), consumer)
    }
}
