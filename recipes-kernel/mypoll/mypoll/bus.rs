// SPDX-License-Identifier: GPL-2.0-only

//! Connects the sources with the receivers: one lock, one order of events, the shared queue, and
//! the sinks.
//!
//! An event is delivered in two phases. Under the bus lock, with interrupts off, it is added to all
//! matching queues, and whom to notify is recorded. Then sleepers are woken and signals sent, under
//! RCU, which keeps the sinks alive. Nothing that sleeps, prints, allocates or takes another lock
//! runs under the bus lock.

mod interest;
mod lines;
mod receiver;
mod told;

pub(crate) use receiver::Receiver;

use crate::{
    event::{
        Event,
        Kind,
        Record,
        Source, //
    },
    kernel_ext::{
        fasync::FasyncList,
        misc_device::{
            PRIORITY,
            READABLE,
            WRITABLE, //
        },
        rcu::RcuSlot,
        spinlock_irq::{
            new_spinlock_irq,
            SpinLockIrq,
            SpinLockIrqBackend, //
        },
        sync::full_barrier,
        wait::{
            new_poll_queue,
            PollQueue,
            Readers, //
        },
    },
    queue::{
        owed::Owed,
        shared::{
            Claim,
            Full,
            SharedQueue, //
        },
    },
    sink::{
        record_of,
        Notice,
        Offered,
        SinkState, //
    },
    trace,
    uapi::Levels, //
};
use interest::Interest;
use kernel::{
    fs::File,
    prelude::*,
    sync::{
        lock::Guard,
        poll::PollTable,
        rcu,
        Arc, //
    },
};
pub(crate) use lines::LineAccount;
use lines::LineAccounts;
use receiver::Subscription;
use told::Told;

/// The maximum number of private queues.
const QUEUES_LIMIT: usize = told::SLOTS;

/// Event counters.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counters {
    /// Events queued in the shared queue.
    pub(crate) generated: u64,
    /// Events lost because the shared queue was full, except those refused to their source.
    pub(crate) dropped: u64,
    /// Of `generated`, those from each source.
    pub(crate) manual: u64,
    pub(crate) timer: u64,
    pub(crate) gpio: u64,
}

/// The state of the shared queue at one moment.
pub(crate) struct Snapshot {
    /// Since load.
    pub(crate) counters: Counters,
    /// Values of `counters` at the last reset.
    pub(crate) base: Counters,
    /// The last sequence number.
    pub(crate) sequence: u32,
    /// Number of events in the queue.
    pub(crate) depth: usize,
    /// Maximum of `depth` so far.
    pub(crate) high_water: usize,
    /// Maximum number of events.
    pub(crate) capacity: usize,
    /// Number of private queues.
    pub(crate) private_queues: usize,
}

/// What the bus lock protects.
struct State {
    shared: SharedQueue<KVVec<Record>>,
    /// Removed lines whose events the shared queue had no room for.
    owed: Owed,
    /// Number of sleeping readers of the shared queue.
    sleeping: u32,
    counters: Counters,
    base: Counters,
    lines: LineAccounts,
    /// By slot.
    sinks: KVec<Option<KBox<Entry>>>,
    interest: Interest,
}

/// A sink, as protected by the bus lock.
struct Entry {
    state: SinkState,
    subscription: Arc<Subscription>,
}

/// The centre of the module. Sources call it in any context; readers sleep in it.
#[pin_data]
pub(crate) struct Bus {
    #[pin]
    state: SpinLockIrq<State>,
    /// The sinks again, for access without the lock. By slot; changed under the lock.
    subscriptions: KVec<RcuSlot<Arc<Subscription>>>,
    #[pin]
    readers: Readers,
    #[pin]
    pollers: PollQueue,
    /// Pollers that wait until a software trigger is accepted.
    #[pin]
    room: PollQueue,
    fasync: FasyncList,
}

type StateGuard<'a> = Guard<'a, State, SpinLockIrqBackend>;

impl Bus {
    /// Creates a bus with a shared queue of `size` events, and room for `queues_max` sinks, 1 to
    /// [`QUEUES_LIMIT`].
    pub(crate) fn new(size: usize, queues_max: usize) -> Result<Arc<Self>> {
        let queues_max = queues_max.clamp(1, QUEUES_LIMIT);
        let mut sinks = KVec::with_capacity(queues_max, GFP_KERNEL)?;
        let mut subscriptions = KVec::with_capacity(queues_max, GFP_KERNEL)?;
        for _ in 0..queues_max {
            sinks.push_within_capacity(None)?;
            subscriptions.push_within_capacity(RcuSlot::new())?;
        }
        let state = State {
            shared: SharedQueue::new(KVVec::from_elem(Record::EMPTY, size, GFP_KERNEL)?),
            owed: Owed::default(),
            sleeping: 0,
            counters: Counters::default(),
            base: Counters::default(),
            lines: LineAccounts::new()?,
            sinks,
            interest: Interest::new(queues_max)?,
        };
        Arc::pin_init(
            pin_init!(Self {
                state <- new_spinlock_irq!(state, "mypoll::Bus::state"),
                subscriptions,
                readers <- Readers::new(),
                pollers <- new_poll_queue!("mypoll::Bus::pollers"),
                room <- new_poll_queue!("mypoll::Bus::room"),
                fasync: FasyncList::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the maximum number of private queues.
    pub(crate) fn queues_max(&self) -> usize {
        self.subscriptions.len()
    }

    /// Returns the files without a private queue that get `SIGIO` for each event.
    pub(crate) fn fasync(&self) -> &FasyncList {
        &self.fasync
    }

    /// Adds an event to all matching queues. If the only one is a full shared queue, refuses the event
    /// and counts nothing: the caller gets the error.
    pub(crate) fn submit(&self, event: Event) -> Result<(), Full> {
        let state = self.state.lock();
        if !state.takes_trigger() {
            return Err(Full);
        }
        self.deliver(state, event);
        Ok(())
    }

    /// Adds an event to all matching queues, or counts it as lost: for sources that cannot report
    /// errors. May be called in any context.
    pub(crate) fn report(&self, event: Event) {
        self.deliver(self.state.lock(), event);
    }

    /// The same, if `still` returns true under the bus lock: nothing is queued between its answer and
    /// the event.
    pub(crate) fn report_if(&self, event: Event, still: impl FnOnce() -> bool) {
        let state = self.state.lock();
        if still() {
            self.deliver(state, event);
        }
    }

    #[inline]
    fn deliver(&self, mut state: StateGuard<'_>, mut event: Event) {
        let guard = rcu::read_lock();
        let mut told = Told::default();
        state.queue(&mut event, &mut told);
        drop(state);
        self.tell(&told, &guard);
        drop(guard);
        trace::queued(
            event.source as u16,
            event.kind as u16,
            event.line,
            event.value,
            event.timestamp_ns,
            told.taken,
        );
        if told.lost > 0 {
            trace::dropped(
                event.source as u16,
                event.kind as u16,
                event.line,
                told.lost,
            );
        }
    }

    /// The second phase. Called without the lock.
    #[inline]
    fn tell(&self, told: &Told, guard: &rcu::Guard) {
        // Pollers register and then check; here the order is reversed.
        full_barrier();
        if told.wake_reader {
            self.readers.wake_one();
        }
        match told.shared {
            Notice::Readable => {
                self.pollers.wake(READABLE | PRIORITY);
                self.fasync.notify_readable();
            }
            Notice::Loss => self.pollers.wake(PRIORITY),
            _ => {}
        }
        told.readable.for_each(|slot| {
            if let Some(subscription) = self.subscription(slot, guard) {
                subscription.sink().announce();
            }
        });
        if told.is_rare {
            self.tell_rare(told, guard);
        }
    }

    #[cold]
    fn tell_rare(&self, told: &Told, guard: &rcu::Guard) {
        told.lossy.for_each(|slot| {
            if let Some(subscription) = self.subscription(slot, guard) {
                subscription.sink().pollers().wake(PRIORITY);
            }
        });
        told.waiting.for_each(|slot| {
            if let Some(subscription) = self.subscription(slot, guard) {
                subscription.start_timer();
            }
        });
    }

    #[inline]
    fn subscription<'a>(
        &'a self,
        slot: usize,
        guard: &'a rcu::Guard,
    ) -> Option<&'a Arc<Subscription>> {
        self.subscriptions.get(slot)?.read(guard)
    }

    /// Takes the next event of the shared queue; with `block`, sleeps until there is one.
    ///
    /// `EAGAIN` when there is none, `ERESTARTSYS` when a signal ends the sleep.
    pub(crate) fn claim(&self, block: bool) -> Result<Claim> {
        let mut state = self.state.lock();
        let mut interrupted = false;
        loop {
            // Check before the signal: the wake-up for an available event may have been for this
            // reader alone.
            if let Some(claim) = state.shared.claim() {
                return Ok(claim);
            }
            if !block {
                return Err(EAGAIN);
            }
            if interrupted {
                return Err(ERESTARTSYS);
            }
            state.sleeping += 1;
            interrupted = self.readers.sleep(&mut state);
            state.sleeping -= 1;
        }
    }

    /// Ends a claim whose event arrived.
    pub(crate) fn delivered(&self, claim: Claim) {
        let mut state = self.state.lock();
        let had_no_room = state.shared.delivered(claim);
        let settled = state.settle_shared();
        let wake_reader = settled && state.sleeping > 0;
        drop(state);
        if settled {
            self.announce_shared(wake_reader);
        }
        if had_no_room {
            self.announce_room();
        }
    }

    /// Ends a claim whose event did not arrive; the next reader gets it.
    pub(crate) fn put_back(&self, claim: Claim) {
        let mut state = self.state.lock();
        state.shared.put_back(claim);
        let wake_reader = state.sleeping > 0;
        drop(state);
        self.announce_shared(wake_reader);
    }

    fn announce_shared(&self, wake_reader: bool) {
        full_barrier();
        if wake_reader {
            self.readers.wake_one();
        }
        self.pollers.wake(READABLE | PRIORITY);
    }

    /// Wakes pollers because a write that would have failed may succeed.
    fn announce_room(&self) {
        full_barrier();
        self.room.wake(WRITABLE);
    }

    /// Registers a poller of the shared queue, and returns its readiness.
    pub(crate) fn poll(&self, file: &File, table: &PollTable<'_>) -> u32 {
        self.pollers.register(file, table);
        self.room.register(file, table);

        let state = self.state.lock();
        let mut ready = 0;
        if !state.shared.is_empty() {
            ready |= READABLE;
        }
        if state.takes_trigger() {
            ready |= WRITABLE;
        }
        if state.shared.lost_since_read() {
            ready |= PRIORITY;
        }
        ready
    }

    /// Resets the counters: stores them in [`Snapshot::base`].
    pub(crate) fn reset_counters(&self) {
        let mut state = self.state.lock();
        state.base = state.counters;
    }

    /// Returns the counters and the shared queue's depth at one moment.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.state.lock();
        Snapshot {
            counters: state.counters,
            base: state.base,
            sequence: state.shared.sequence(),
            depth: state.shared.len(),
            high_water: state.shared.high_water(),
            capacity: state.shared.capacity(),
            private_queues: state.interest.sinks(),
        }
    }

    /// Returns the counters of a line since it was added.
    pub(crate) fn line(&self, number: u32) -> LineAccount {
        self.state.lock().lines.get(number)
    }

    /// Returns the levels of all lines, and the position of the shared queue to which they apply.
    pub(crate) fn levels(&self) -> Levels {
        let state = self.state.lock();
        let (lines, levels) = state.lines.levels();
        Levels {
            position: state.shared.offered(),
            sequence: state.shared.sequence(),
            reserved: 0,
            lines,
            levels,
        }
    }
}

impl State {
    /// Whether a software trigger would be queued anywhere, or counted as lost.
    fn takes_trigger(&self) -> bool {
        !self.shared.is_full() || self.interest.takes_triggers()
    }

    /// The first phase.
    #[inline]
    fn queue(&mut self, event: &mut Event, told: &mut Told) {
        if event.source == Source::Gpio {
            self.lines.count(event);
        }
        let record = record_of(event);
        for word in 0..self.interest.words() {
            let mut slots = self.interest.slots(event, word);
            let mut readable = 0;
            while slots != 0 {
                let bit = slots & slots.wrapping_neg();
                let slot = word * 64 + slots.trailing_zeros() as usize;
                slots ^= bit;
                let Some(Some(entry)) = self.sinks.get_mut(slot) else {
                    continue;
                };
                let Entry {
                    state,
                    subscription,
                } = &mut **entry;
                let lines = &self.lines;
                match state.offer(subscription.sink(), event, &record, |line| {
                    lines.removal(line)
                }) {
                    Offered::Queued(Notice::Readable) => {
                        readable |= bit;
                        told.taken += 1;
                    }
                    offered => self.note(slot, offered, told),
                }
            }
            told.readable.add_word(word, readable);
        }
        self.queue_shared(event, told);
    }

    /// Handles the result of queuing an event, if it is not the common case.
    #[cold]
    #[inline(never)]
    fn note(&mut self, slot: usize, offered: Offered, told: &mut Told) {
        let notice = match offered {
            Offered::Passed => return,
            Offered::Queued(notice) => {
                told.taken += 1;
                notice
            }
            Offered::Lost(notice, line) => {
                told.lost += 1;
                if let Some(line) = line {
                    self.lines.count_dropped(line);
                }
                notice
            }
        };
        told.note(slot, notice);
        if let (Notice::Wait(us), Some(Some(entry))) = (notice, self.sinks.get(slot)) {
            entry.subscription.set_wait(us);
        }
    }

    #[inline]
    fn queue_shared(&mut self, event: &Event, told: &mut Told) {
        if event.kind == Kind::Added {
            // Readers of text lines predate this kind: they only get edges and removals.
            return;
        }
        if self.push_shared(*event) {
            told.shared = Notice::Readable;
            told.wake_reader = self.sleeping > 0;
        } else if event.kind == Kind::Removed {
            self.owed.owe(event.line);
        } else {
            self.counters.dropped += 1;
            if self.shared.lose() {
                // Readers find the queue full and don't sleep.
                told.shared = Notice::Loss;
            }
        }
    }

    #[inline]
    fn push_shared(&mut self, event: Event) -> bool {
        if self.shared.push(event).is_err() {
            return false;
        }
        let of_source = match event.source {
            Source::Manual => &mut self.counters.manual,
            Source::Timer => &mut self.counters.timer,
            Source::Gpio => &mut self.counters.gpio,
        };
        *of_source += 1;
        self.counters.generated += 1;
        true
    }

    /// Queues owed removals of lines for readers of the shared queue. Returns whether there were any.
    fn settle_shared(&mut self) -> bool {
        let mut settled = false;
        while !self.owed.is_empty() && !self.shared.is_full() {
            let Some(line) = self.owed.pop() else {
                break;
            };
            let (timestamp_ns, line_sequence) = self.lines.removal(line);
            settled |= self.push_shared(Event {
                line_sequence,
                ..Event::removed(timestamp_ns, line)
            });
        }
        settled
    }
}
