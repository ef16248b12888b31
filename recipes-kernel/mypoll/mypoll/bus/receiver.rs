// SPDX-License-Identifier: GPL-2.0-only

//! A sink that is connected to the bus, as the file that reads it sees it.

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

/// A sink, and the timer of its watermark.
pub(super) type Subscription = OneShot<Watch>;

/// See [`Subscription`].
#[pin_data]
pub(super) struct Watch {
    bus: Arc<Bus>,
    /// Its slot. 7.3's `pin_init!` has a variable of that name.
    place: usize,
    /// The process that asked for it.
    pid: i32,
    /// When the timer is to expire that is started next.
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
    /// Sets when the timer of the watermark is to expire. The bus lock is held.
    pub(super) fn set_wait(&self, us: u32) {
        self.expires_ns
            .store(now_ns() + u64::from(us) * 1000, Relaxed);
    }

    /// Starts the timer of the watermark.
    pub(super) fn start_timer(&self) {
        self.arm(self.expires_ns.load(Relaxed));
    }

    /// Does what a notice asks for. The bus lock is not held.
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
        // Where the sink has gone, another one in its slot looks for nothing at its own state.
        let notice = this
            .bus
            .state
            .lock()
            .with_sink(this.place, |entry| entry.state.end_wait());
        this.tell(notice.unwrap_or(Notice::Nothing));
    }
}

impl Bus {
    /// Returns the process and the account of the sink in `slot`, if there is one. Slots go up to
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

    /// Queues the ends of lines that are owed to a sink. Returns whether there are some.
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

/// A sink that gets events until this is dropped.
pub(crate) struct Receiver {
    subscription: Arc<Subscription>,
}

impl Receiver {
    /// Has a queue with `settings`, which process `pid` asked for, get events from now on. Its ring is
    /// that of `producer`.
    ///
    /// `EUSERS` where there are as many queues as may be, `ENOMEM`.
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

    /// Looks at the half that the bus lock protects, or changes it.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut SinkState) -> R) -> Result<R> {
        let mut state = self.bus().state.lock();
        state
            .with_sink(self.subscription.place, |entry| look(&mut entry.state))
            .ok_or(ENODEV)
    }

    /// The same, and tells those who wait what `change` says.
    pub(crate) fn with_notice(&self, change: impl FnOnce(&mut SinkState) -> Notice) -> Result {
        let notice = self.with(change)?;
        self.subscription.tell(notice);
        Ok(())
    }

    /// Whether poll would call the file readable. Has it become so in time.
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

    /// Sleeps until poll would call the file readable.
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
                    // Before the signal is looked at: the wake-up for what is there may have been
                    // ours alone.
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

    /// A reader is done, and may have left events or made room: the wake-up for them may have been its
    /// alone.
    pub(crate) fn pass_on(&self) {
        // Who sleeps since before these events came is seen, as their queueing took the lock
        // meanwhile; who comes later looks for itself.
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
            // Pollers know.
            self.sink().readers().wake_one();
        } else {
            self.subscription.tell(notice);
        }
    }

    /// Registers a poller, and says what it would not have to wait for.
    pub(crate) fn poll(&self, file: &File, table: &PollTable<'_>) -> u32 {
        self.sink().pollers().register(file, table);
        // Even where room is not looked at now: other settings may change that.
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

    /// Goes on with another ring and other settings, in one step for whoever looks. Returns the old end
    /// for events, which must not be dropped under a lock, and the new one to take them out.
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
        // A poller may wait for what the old settings took longer to give.
        self.sink().pollers().wake(READABLE | WRITABLE | PRIORITY);
        if takes_trigger {
            self.bus().announce_room();
        }
        Ok(ends)
    }

    /// Returns the levels of all lines, and the place of this queue at which they hold.
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
