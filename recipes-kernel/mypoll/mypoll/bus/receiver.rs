// SPDX-License-Identifier: GPL-2.0-only

//! A sink connected to the bus, as seen by the file that reads it.

use super::{
    Bus,
    Entry,
    State, //
};
use crate::{
    clock::now_ns,
    kernel_ext::{
        misc_device::{
            PRIORITY,
            READABLE,
            WRITABLE, //
        },
        oneshot::{
            ExpiryHandler,
            OneShot, //
        },
        rcu::{
            RcuNode,
            Retire, //
        },
        sync::full_barrier,
    },
    queue::{
        ring::{
            Consumer,
            Producer,
            Relayout, //
        },
        settings::Settings,
        Area, //
    },
    sink::{
        Notice,
        PolledRing,
        Sink,
        SinkState, //
    },
    uapi::{
        Levels,
        Stats, //
    }, //
};
use kernel::{
    bindings,
    fs::File,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        poll::PollTable,
        Arc, //
    }, //
};

/// A sink, and its watermark timer.
pub(super) type Subscription = OneShot<Watch>;

/// See [`Subscription`].
#[pin_data]
pub(super) struct Watch {
    bus: Arc<Bus>,
    /// Its slot. 7.3's `pin_init!` has a variable named `slot`.
    place: usize,
    /// The process that configured it.
    pid: i32,
    /// Expiry time of the timer when it is started next.
    expires_ns: Atomic<u64>,
    #[pin]
    sink: Sink,
}

impl Retire for Subscription {
    fn retire(&self) {
        self.sink.retire();
    }
}

impl Watch {
    #[inline]
    pub(super) fn sink(&self) -> &Sink {
        &self.sink
    }
}

impl Subscription {
    /// Sets the expiry time of the watermark timer. Called under the bus lock.
    pub(super) fn set_wait(&self, us: u32) {
        self.expires_ns
            .store(now_ns() + u64::from(us) * 1000, Relaxed);
    }

    /// Starts the watermark timer.
    pub(super) fn start_timer(&self) {
        self.arm(self.expires_ns.load(Relaxed));
    }

    /// Carries out a notice. Called without the bus lock.
    fn tell(&self, notice: Notice) {
        match notice {
            Notice::Nothing => {}
            Notice::Wait(us) => self.arm(now_ns() + u64::from(us) * 1000),
            Notice::Readable => {
                full_barrier();
                self.sink.announce();
            }
            Notice::Loss => {
                full_barrier();
                self.sink.pollers().wake(PRIORITY);
            }
        }
    }
}

impl ExpiryHandler for Watch {
    fn handle_expiry(this: &Subscription) {
        // If the sink is gone, another one in its slot checks its own state, which is harmless.
        let notice = this
            .bus
            .state
            .lock()
            .with_sink(this.place, |entry| entry.state.end_wait());
        this.tell(notice.unwrap_or(Notice::Nothing));
    }
}

impl Bus {
    /// Returns the process and the statistics of the sink in `slot`, if there is one. Slots go up to
    /// [`queues_max`](Bus::queues_max).
    pub(crate) fn sink_stats(&self, slot: usize) -> Option<(i32, Stats)> {
        self.state
            .lock()
            .with_sink(slot, |entry| (entry.subscription.pid, entry.state.stats()))
    }
}

impl State {
    fn with_sink<R>(&mut self, slot: usize, look: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        self.sinks.get_mut(slot)?.as_deref_mut().map(look)
    }

    /// Queues owed removals of lines. Returns whether there were any.
    fn settle(&mut self, slot: usize) -> bool {
        let lines = &self.lines;
        let Some(Entry {
            state,
            subscription,
        }) = self
            .sinks
            .get_mut(slot)
            .and_then(|entry| entry.as_deref_mut())
        else {
            return false;
        };
        let sink = subscription.sink();
        if !sink.owes() {
            return false;
        }
        state.settle(sink, |line| lines.removal(line));
        true
    }
}

/// A sink that receives events until this is dropped.
pub(crate) struct Receiver {
    subscription: Arc<Subscription>,
}

impl Receiver {
    /// Connects a queue with `settings` and the ring of `producer`, configured by process `pid`.
    ///
    /// `EUSERS` if the maximum number of queues is reached, `ENOMEM`.
    pub(crate) fn connect(
        bus: &Arc<Bus>,
        producer: Producer<Area>,
        settings: &Settings,
        pid: i32,
    ) -> Result<Self> {
        let slot = bus.state.lock().interest.take_slot(bus.queues_max());
        let slot = slot.ok_or(Error::from_errno(-(bindings::EUSERS as i32)))?;
        Self::connect_at(bus, slot, producer, settings, pid).inspect_err(|_| {
            bus.state.lock().interest.free_slot(slot);
        })
    }

    fn connect_at(
        bus: &Arc<Bus>,
        place: usize,
        producer: Producer<Area>,
        settings: &Settings,
        pid: i32,
    ) -> Result<Self> {
        let ring = RcuNode::new(PolledRing::new(producer.ring().clone(), settings))?;
        let subscription = Arc::pin_init(
            OneShot::new(pin_init!(Watch {
                bus: bus.clone(),
                place,
                pid,
                expires_ns: Atomic::new(0),
                sink <- Sink::new(ring),
            })),
            GFP_KERNEL_ACCOUNT,
        )?;
        let entry = KBox::new(
            Entry {
                state: SinkState::new(producer, settings.clone()),
                subscription: subscription.clone(),
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        let node = RcuNode::new(subscription.clone())?;

        let mut state = bus.state.lock();
        state.sinks[place] = Some(entry);
        state.interest.set(place, settings, true);
        let old = bus.subscriptions[place].swap(Some(node));
        drop(state);
        drop(old);
        if settings.takes_trigger() {
            bus.announce_room();
        }
        Ok(Self { subscription })
    }

    fn bus(&self) -> &Bus {
        &self.subscription.bus
    }

    /// Returns the half that is used without the bus lock.
    pub(crate) fn sink(&self) -> &Sink {
        &self.subscription.sink
    }

    /// Accesses the half that the bus lock protects.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut SinkState) -> R) -> Result<R> {
        let mut state = self.bus().state.lock();
        state
            .with_sink(self.subscription.place, |entry| look(&mut entry.state))
            .ok_or(ENODEV)
    }

    /// The same, and carries out the notice that `change` returns.
    pub(crate) fn with_notice(&self, change: impl FnOnce(&mut SinkState) -> Notice) -> Result {
        let notice = self.with(change)?;
        self.subscription.tell(notice);
        Ok(())
    }

    /// Whether the file is readable for poll. Starts the watermark time if necessary.
    pub(crate) fn is_readable(&self) -> Result<bool> {
        let mut state = self.bus().state.lock();
        state.settle(self.subscription.place);
        let notice = state
            .with_sink(self.subscription.place, |entry| entry.state.look_again())
            .ok_or(ENODEV)?;
        drop(state);
        if let Notice::Wait(_) = notice {
            self.subscription.tell(notice);
        }
        Ok(notice == Notice::Readable)
    }

    /// Sleeps until the file is readable for poll.
    ///
    /// `ERESTARTSYS` when a signal ends the sleep.
    pub(crate) fn wait_readable(&self) -> Result {
        let slot = self.subscription.place;
        let sink = self.sink();
        let mut interrupted = false;
        let mut state = self.bus().state.lock();
        loop {
            state.settle(slot);
            let (readable, notice) = state
                .with_sink(slot, |entry| {
                    // Check before the signal: the wake-up for available events may have been for this
                    // reader alone.
                    (entry.state.is_readable(), entry.state.begin_wait())
                })
                .ok_or(ENODEV)?;
            if readable {
                return Ok(());
            }
            if interrupted {
                return Err(ERESTARTSYS);
            }
            if notice != Notice::Nothing {
                drop(state);
                self.subscription.tell(notice);
                state = self.bus().state.lock();
                continue;
            }
            sink.count_sleeping(true);
            interrupted = sink.readers().sleep(&mut state);
            sink.count_sleeping(false);
        }
    }

    /// Called when a reader is done: it may have left events or made room, and the wake-up for them may
    /// have been for this reader alone.
    pub(crate) fn pass_on(&self) {
        // A reader that has slept since before these events is seen, because queuing them took the
        // lock; later ones check for themselves.
        if self.sink().has_sleeper() || self.sink().owes() {
            self.pass_on_slow();
        }
    }

    #[cold]
    fn pass_on_slow(&self) {
        let mut state = self.bus().state.lock();
        let settled = state.settle(self.subscription.place);
        let notice = state
            .with_sink(self.subscription.place, |entry| entry.state.look_again())
            .unwrap_or(Notice::Nothing);
        drop(state);
        if notice == Notice::Readable && !settled {
            // Pollers already know.
            self.sink().readers().wake_one();
        } else {
            self.subscription.tell(notice);
        }
    }

    /// Registers a poller, and returns its readiness.
    pub(crate) fn poll(&self, file: &File, table: &PollTable<'_>) -> u32 {
        self.sink().pollers().register(file, table);
        // Even if room does not matter now: other settings may change that.
        self.bus().room.register(file, table);
        match self.sink().poll() {
            Some(ready) => ready,
            None => self.poll_slow(),
        }
    }

    #[inline(never)]
    fn poll_slow(&self) -> u32 {
        let mut state = self.bus().state.lock();
        state.settle(self.subscription.place);
        let looked = state.with_sink(self.subscription.place, |entry| {
            (entry.state.readiness(), entry.state.begin_wait())
        });
        let (mut ready, notice) = looked.unwrap_or((0, Notice::Nothing));
        if state.takes_trigger() {
            ready |= WRITABLE;
        }
        drop(state);
        self.subscription.tell(notice);
        ready
    }

    /// Switches to another ring and other settings atomically. Returns the old producer, which must not
    /// be dropped under a lock, and the new reader's end.
    pub(crate) fn replace(
        &self,
        relayout: Relayout<Area>,
        ring: RcuNode<PolledRing>,
        settings: Settings,
    ) -> Result<(Producer<Area>, Option<Consumer<Area>>)> {
        let slot = self.subscription.place;
        let takes_trigger = settings.takes_trigger();
        let mut state = self.bus().state.lock();
        let State {
            sinks, interest, ..
        } = &mut *state;
        let entry = sinks
            .get_mut(slot)
            .and_then(|entry| entry.as_deref_mut())
            .ok_or(ENODEV)?;
        interest.set(slot, entry.state.settings(), false);
        interest.set(slot, &settings, true);
        let ends = entry.state.end_change(relayout, settings);
        let old_ring = self.sink().ring().swap(Some(ring));
        let notice = entry.state.look_again();
        drop(state);

        drop(old_ring);
        self.subscription.tell(notice);
        // A poller may be waiting for something that the new settings report earlier.
        self.sink().pollers().wake(READABLE | WRITABLE | PRIORITY);
        if takes_trigger {
            self.bus().announce_room();
        }
        Ok(ends)
    }

    /// Returns the levels of all lines, and the position of this queue to which they apply.
    pub(crate) fn levels(&self) -> Result<Levels> {
        let mut state = self.bus().state.lock();
        let (lines, levels) = state.lines.levels();
        let (position, sequence) = state
            .with_sink(self.subscription.place, |entry| {
                let producer = entry.state.producer();
                (producer.account().generated, producer.sequence())
            })
            .ok_or(ENODEV)?;
        Ok(Levels {
            position,
            sequence,
            reserved: 0,
            lines,
            levels,
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let slot = self.subscription.place;
        let bus = self.bus();
        let mut state = bus.state.lock();
        let entry = state.sinks[slot].take();
        if let Some(entry) = &entry {
            state.interest.set(slot, entry.state.settings(), false);
        }
        state.interest.free_slot(slot);
        let retired = bus.subscriptions[slot].swap(None);
        drop(state);
        drop((entry, retired));
    }
}
