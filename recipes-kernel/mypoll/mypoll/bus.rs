// SPDX-License-Identifier: GPL-2.0-only

//! Where the sources meet the readers: the shared queue with its statistics, the private queues, and
//! who is told.

use crate::{
    abstractions::{
        dynamic_debug,
        fasync::FasyncList,
        fops,
        global::Published,
        spinlock_irq::{
            new_spinlock_irq,
            SpinLockIrq,
            SpinLockIrqBackend, //
        },
    },
    event::{
        Event,
        Record,
        Source, //
    },
    line_table::LineTable,
    private_queue::PrivateQueue,
    queue::{
        Claim,
        Full,
        Queue, //
    },
    ticker::{
        Ticker,
        TickerHandle, //
    },
    waiters::Waiters,
};
use kernel::{
    fs::File,
    new_mutex,
    prelude::*,
    sync::{
        lock::Guard,
        poll::PollTable,
        Arc,
        Mutex, //
    },
    time::{
        ClockSource,
        Monotonic, //
    },
};

/// What happened since load or the last reset.
#[derive(Clone, Copy, Default)]
pub(crate) struct Statistics {
    /// Events that were queued.
    pub(crate) generated: u32,
    /// Events that found the queue full, and whose source was not told.
    pub(crate) dropped: u32,
    /// Of `generated`, those of each source.
    pub(crate) manual: u32,
    pub(crate) timer: u32,
    pub(crate) gpio: u32,
}

/// A look at the queue at one moment.
pub(crate) struct Snapshot {
    pub(crate) statistics: Statistics,
    /// The sequence number given last.
    pub(crate) sequence: u32,
    /// How many events wait to be read.
    pub(crate) depth: usize,
    /// The most that ever waited.
    pub(crate) high_water: usize,
    /// How many the queue holds.
    pub(crate) capacity: usize,
    /// How many private queues there are.
    pub(crate) private_queues: usize,
}

/// What the hub's lock protects. Whatever is queued is queued under it, so that all queues have the
/// same order.
pub(crate) struct State {
    queue: Queue<KVVec<Record>>,
    statistics: Statistics,
    private: KVec<Arc<PrivateQueue>>,
}

/// The module's centre. Sources call it in any context; readers sleep in it.
#[pin_data]
pub(crate) struct Hub {
    #[pin]
    state: SpinLockIrq<State>,
    #[pin]
    waiters: Waiters,
    fasync: FasyncList,
    /// The running timer.
    #[pin]
    pub(crate) ticker: Mutex<Option<TickerHandle>>,
    /// The GPIO lines there are.
    #[pin]
    pub(crate) lines: Mutex<LineTable>,
}

/// The hub's place in the module: found by [`hub`](crate::abstractions::global::hub) from here on,
/// and left without a timer at the end.
pub(crate) struct Owner {
    _published: Published,
    hub: Arc<Hub>,
}

impl Owner {
    /// Makes the hub, with a queue of `size` events.
    pub(crate) fn new(size: usize) -> Result<Self> {
        let hub = Arc::pin_init(Hub::new(size)?, GFP_KERNEL)?;
        Ok(Self {
            _published: Published::new(hub.clone())?,
            hub,
        })
    }

    /// The hub.
    pub(crate) fn hub(&self) -> Arc<Hub> {
        self.hub.clone()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        Ticker::stop(&self.hub);
    }
}

/// The time stamp of an event that is noticed now.
pub(crate) fn now_ns() -> u64 {
    Monotonic::ktime_get() as u64
}

impl Hub {
    fn new(size: usize) -> Result<impl PinInit<Self>> {
        let state = State {
            queue: Queue::new(KVVec::from_elem(Record::EMPTY, size, GFP_KERNEL)?),
            statistics: Statistics::default(),
            private: KVec::new(),
        };
        Ok(pin_init!(Self {
            state <- new_spinlock_irq!(state, "mypoll::Hub::state"),
            waiters <- Waiters::new(),
            fasync: FasyncList::new(),
            ticker <- new_mutex!(None, "mypoll::Hub::ticker"),
            lines <- new_mutex!(LineTable::new(), "mypoll::Hub::lines"),
        }))
    }

    /// What the lock protects.
    pub(crate) fn state(&self) -> &SpinLockIrq<State> {
        &self.state
    }

    /// The files without a queue of their own that get `SIGIO` for each event.
    pub(crate) fn fasync(&self) -> &FasyncList {
        &self.fasync
    }

    /// Queues an event wherever it is wanted. Refuses, and counts nothing, when that is a full
    /// shared queue and nowhere else: the caller hears of it.
    pub(crate) fn submit(&self, event: Event) -> Result<(), Full> {
        let mut state = self.state.lock();
        if !state.takes_trigger() {
            return Err(Full);
        }
        self.deliver(state, event);
        Ok(())
    }

    /// Queues an event wherever it is wanted, or counts it as lost: for sources that have nobody to
    /// tell.
    pub(crate) fn report(&self, event: Event) {
        self.deliver(self.state.lock(), event);
    }

    fn deliver(&self, mut state: Guard<'_, State, SpinLockIrqBackend>, event: Event) {
        dynamic_debug::event(&event);
        state.offer_to_private(&event);
        if state.push(event).is_ok() {
            drop(state);
            self.announce();
            return;
        }
        state.statistics.dropped = state.statistics.dropped.wrapping_add(1);
        let first = state.queue.lose();
        drop(state);
        if first {
            // Readers find the queue full and don't sleep.
            self.waiters.wake_pollers();
        }
    }

    /// Has a private queue get events from now on.
    pub(crate) fn subscribe(&self, queue: Arc<PrivateQueue>) -> Result {
        let mut roomy = KVec::new();
        loop {
            // No memory can be had or given back under a spinlock.
            let needed = self.state.lock().private.len() + 1;
            roomy.reserve(needed, GFP_KERNEL)?;
            let mut state = self.state.lock();
            if state.private.len() >= roomy.capacity() {
                continue;
            }
            for other in state.private.drain_all() {
                roomy.push_within_capacity(other)?;
            }
            roomy.push_within_capacity(queue)?;
            core::mem::swap(&mut state.private, &mut roomy);
            self.announce_room(state);
            return Ok(());
        }
    }

    /// Has a private queue get no event any more.
    pub(crate) fn unsubscribe(&self, queue: &PrivateQueue) {
        let mut state = self.state.lock();
        let place = state
            .private
            .iter()
            .position(|other| core::ptr::eq(&**other, queue));
        let removed = place.map(|place| state.private.remove(place));
        drop(state);
        drop(removed);
    }

    /// Takes the next event; with `block`, sleeps until there is one.
    ///
    /// `EAGAIN` when there is none, `ERESTARTSYS` when a signal ends the sleep.
    pub(crate) fn claim(&self, block: bool) -> Result<Claim> {
        let mut state = self.state.lock();
        let mut interrupted = false;
        loop {
            // Before the signal is looked at: the wake-up for an event that is there may have been
            // ours alone.
            if let Some(claim) = state.queue.claim() {
                return Ok(claim);
            }
            if !block {
                return Err(EAGAIN);
            }
            if interrupted {
                return Err(ERESTARTSYS);
            }
            interrupted = self.waiters.sleep(&mut state);
        }
    }

    /// Ends a claim whose event arrived.
    pub(crate) fn delivered(&self, claim: Claim) {
        let mut state = self.state.lock();
        if state.queue.delivered(claim) {
            self.announce_room(state);
        }
    }

    /// A private queue may take software triggers now that took none.
    pub(crate) fn filter_changed(&self) {
        self.announce_room(self.state.lock());
    }

    /// Ends a claim whose event did not arrive, and lets the next reader have it.
    pub(crate) fn put_back(&self, claim: Claim) {
        self.state.lock().queue.put_back(claim);
        self.waiters.wake();
    }

    /// Registers a poller and says what it would not have to wait for.
    pub(crate) fn poll(&self, file: &File, table: PollTable<'_>) -> u32 {
        self.waiters.register(file, table);

        let mut state = self.state.lock();
        let mut ready = 0;
        if !state.queue.is_empty() {
            ready |= fops::READABLE;
        }
        if state.takes_trigger() {
            ready |= fops::WRITABLE;
        }
        if state.queue.lost_since_read() {
            ready |= fops::PRIORITY;
        }
        ready
    }

    /// Sets the statistics to 0 and nothing else.
    pub(crate) fn reset_statistics(&self) {
        self.state.lock().statistics = Statistics::default();
    }

    /// The statistics and the queue's depth, of one moment.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.state.lock();
        Snapshot {
            statistics: state.statistics,
            sequence: state.queue.sequence(),
            depth: state.queue.len(),
            high_water: state.queue.high_water(),
            capacity: state.queue.capacity(),
            private_queues: state.private.len(),
        }
    }

    /// The private queue that was made as number `index` of those that there are.
    pub(crate) fn private_queue(&self, index: usize) -> Option<Arc<PrivateQueue>> {
        self.state.lock().private.get(index).cloned()
    }

    /// Tells who polls for it that a write may succeed which would not have.
    fn announce_room(&self, mut state: Guard<'_, State, SpinLockIrqBackend>) {
        state.with_private(|private, state| {
            for queue in private {
                queue.announce_room(state);
            }
        });
        drop(state);
        self.waiters.wake_pollers();
    }

    /// Tells that an event was queued: one sleeping reader, every poller, and who has `O_ASYNC`.
    fn announce(&self) {
        self.waiters.wake();
        self.fasync.notify_readable();
    }
}

impl State {
    /// Whether a software trigger would be queued anywhere, or lost where that is accounted for.
    pub(crate) fn takes_trigger(&mut self) -> bool {
        !self.queue.is_full()
            || self.with_private(|private, state| {
                private
                    .iter()
                    .any(|queue| queue.subscriber(state).settings().takes_trigger())
            })
    }

    #[inline]
    fn offer_to_private(&mut self, event: &Event) {
        self.with_private(|private, state| {
            for queue in private {
                queue.offer(state, event);
            }
        });
    }

    /// Looks at the private queues, each of which wants the whole of `self` to prove that the lock
    /// is held.
    #[inline]
    fn with_private<R>(&mut self, look: impl FnOnce(&[Arc<PrivateQueue>], &mut Self) -> R) -> R {
        let private = core::mem::take(&mut self.private);
        let result = look(&private, self);
        // What is there now is empty, but to drop it is a call into the allocator.
        core::mem::forget(core::mem::replace(&mut self.private, private));
        result
    }

    fn push(&mut self, event: Event) -> Result<(), Full> {
        self.queue.push(event)?;
        let statistics = &mut self.statistics;
        let of_source = match event.source {
            Source::Manual => &mut statistics.manual,
            Source::Timer => &mut statistics.timer,
            Source::Gpio => &mut statistics.gpio,
        };
        *of_source = of_source.wrapping_add(1);
        statistics.generated = statistics.generated.wrapping_add(1);
        Ok(())
    }
}
