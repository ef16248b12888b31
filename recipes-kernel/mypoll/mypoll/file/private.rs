// SPDX-License-Identifier: GPL-2.0-only

//! The queue of one open file, seen from the file: who reads, who waits, and how it changes.

use crate::{
    abstractions::{
        event_iov,
        fasync::FasyncList,
        fops,
        mapped_memory::{
            self,
            MappedMemory, //
        },
        mutex::{
            new_lean_mutex,
            LeanMutex, //
        },
        oneshot::{
            ExpiryHandler,
            OneShot, //
        },
        rcu_arc::RcuArc,
        ring::{
            Consumer,
            Producer,
            Ring, //
        },
        sync::Word, //
    },
    event::Event,
    hub::{
        Hub,
        State, //
    },
    settings::Settings,
    subscriber::{
        Notice,
        Subscriber, //
    },
    uapi,
    waiters::Waiters, //
};
use core::mem::size_of;
use kernel::{
    fs::File,
    iov::IovIterDest,
    mm::virt::VmaNew,
    prelude::*,
    sync::{
        poll::PollTable,
        Arc,
        LockedBy, //
    }, //
};

/// How many events are on their way at a time where a lock has to be taken for them.
const BATCH: usize = 64;

/// How many batches move to another ring before sources have to wait for the rest: enough for all
/// that the largest ring holds.
const BATCHES: usize = uapi::CAPACITY_MAX as usize / BATCH;

/// A queue of an open file's own, and the timer of its watermark.
pub(crate) type PrivateQueue = OneShot<Inner>;

/// See [`PrivateQueue`].
#[pin_data]
pub(crate) struct Inner {
    hub: Arc<Hub>,
    /// The process that asked for it.
    pid: i32,
    subscriber: LockedBy<Subscriber, State>,
    /// The subscriber's ring, for pollers.
    ring: RcuArc<Ring<MappedMemory>>,
    /// 1 if that is all that a poller has to look at. Changes under the hub's lock.
    ring_tells_all: Word,
    #[pin]
    waiters: Waiters,
    fasync: FasyncList,
    /// How many readers sleep. Changes under the hub's lock.
    sleeping: Word,
    /// Who holds it takes events out. The hub's lock is taken inside it.
    #[pin]
    reader: LeanMutex<Reader>,
}

/// The way in which events are taken out.
enum Reader {
    /// Out of the ring, without a lock.
    Ring(Consumer<MappedMemory>),
    /// Through the hub, by way of a buffer: the producer takes events out, too.
    Hub(KVec<uapi::Event>),
}

impl Reader {
    fn new(consumer: Option<Consumer<MappedMemory>>) -> Result<Self> {
        Ok(match consumer {
            Some(consumer) => Self::Ring(consumer),
            None => Self::Hub(batch()?),
        })
    }

    /// Moves events to another ring, as many as `batch` has room for. Returns how many.
    fn carry(
        &mut self,
        from: &mut Producer<MappedMemory>,
        to: &mut Producer<MappedMemory>,
        batch: &mut [uapi::Event],
    ) -> usize {
        to.carry_loss(from);
        let count = match self {
            Self::Ring(consumer) => consumer.take_into(batch),
            Self::Hub(_) => from.take(batch),
        };
        for event in &batch[..count] {
            to.carry(*event);
        }
        count
    }
}

fn batch() -> Result<KVec<uapi::Event>> {
    Ok(KVec::from_elem(
        uapi::Event::default(),
        BATCH,
        GFP_KERNEL_ACCOUNT,
    )?)
}

impl PrivateQueue {
    /// Makes a queue with `settings` that gets events from now on.
    pub(crate) fn open(hub: &Arc<Hub>, settings: Settings) -> Result<Arc<Self>> {
        let (producer, consumer) = mapped_memory::ring(&settings, 0)?;
        let reader = Reader::new(consumer)?;
        let ring = producer.ring().clone();
        let ring_tells_all = ring_tells_all(&settings);
        let subscriber = Subscriber::new(producer, settings);
        let queue = Arc::pin_init(
            OneShot::new(pin_init!(Inner {
                hub: hub.clone(),
                pid: current!().group_leader().pid(),
                subscriber: LockedBy::new(hub.state(), subscriber),
                ring: RcuArc::new(ring),
                ring_tells_all: Word::new(ring_tells_all),
                waiters <- Waiters::new(),
                fasync: FasyncList::new(),
                sleeping: Word::new(0),
                reader <- new_lean_mutex!(reader, "mypoll::PrivateQueue::reader"),
            })),
            GFP_KERNEL_ACCOUNT,
        )?;
        hub.subscribe(queue.clone())?;
        Ok(queue)
    }

    /// Has the queue get no event any more.
    pub(crate) fn close(&self) {
        self.hub.unsubscribe(self);
    }

    /// The process that asked for it.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// The files that get `SIGIO` when it becomes readable.
    pub(crate) fn fasync(&self) -> &FasyncList {
        &self.fasync
    }

    /// What the sources see of it. `state` is the hub's.
    pub(crate) fn subscriber<'a>(&'a self, state: &'a mut State) -> &'a mut Subscriber {
        self.subscriber.access_mut(state)
    }

    /// Looks at what the sources see of it, or changes it.
    pub(crate) fn with_subscriber<R>(&self, look: impl FnOnce(&mut Subscriber) -> R) -> R {
        look(self.subscriber(&mut self.hub.state().lock()))
    }

    /// Does what a notice asks for.
    #[inline]
    pub(crate) fn notify(&self, notice: Notice) {
        match notice {
            Notice::Nothing => {}
            Notice::Wait(delay) => self.arm(delay),
            Notice::Readable => self.announce(),
            Notice::Loss => self.waiters.wake_pollers(),
        }
    }

    /// Queues `event`, if it is one of those that are wanted.
    #[inline]
    pub(crate) fn offer(&self, state: &mut State, event: &Event) {
        let notice = self.subscriber(state).offer(event);
        self.notify(notice);
    }

    /// Tells who polls for it that a write may succeed, where that does not go by this queue.
    pub(crate) fn announce_room(&self, state: &mut State) {
        if !self.subscriber(state).settings().takes_trigger() {
            self.waiters.wake_pollers();
        }
    }

    /// Takes events out, as many as there are and fit. With `block`, sleeps until poll would call
    /// the file readable.
    ///
    /// `EINVAL` when the buffer is too short for one, `EAGAIN` when there is none, `EFAULT` when
    /// the first can't be written, `ERESTARTSYS` when a signal ends the sleep.
    pub(crate) fn read(&self, iov: &mut IovIterDest<'_>, block: bool) -> Result<usize> {
        if iov.len() < size_of::<uapi::Event>() {
            return Err(EINVAL);
        }
        loop {
            if block {
                self.wait_readable()?;
            }
            let mut reader = self.reader.lock();
            let result = match &mut *reader {
                Reader::Ring(consumer) => self.read_ring(consumer, iov),
                Reader::Hub(buffer) => self.read_hub(buffer, iov),
            };
            match result {
                // Another reader was faster.
                Err(error) if block && error == EAGAIN => {}
                result => return result.map(|events| events * size_of::<uapi::Event>()),
            }
        }
    }

    #[inline(never)]
    fn wait_readable(&self) -> Result {
        let mut state = self.hub.state().lock();
        let mut interrupted = false;
        loop {
            let subscriber = self.subscriber(&mut state);
            // Before the signal is looked at: the wake-up for what is there may have been ours
            // alone.
            if subscriber.is_readable() {
                return Ok(());
            }
            if interrupted {
                return Err(ERESTARTSYS);
            }
            let notice = subscriber.begin_wait();
            self.notify(notice);
            self.sleeping
                .store_relaxed(self.sleeping.load_relaxed() + 1);
            interrupted = self.waiters.sleep(&mut state);
            self.sleeping
                .store_relaxed(self.sleeping.load_relaxed() - 1);
        }
    }

    fn read_ring(
        &self,
        consumer: &mut Consumer<MappedMemory>,
        iov: &mut IovIterDest<'_>,
    ) -> Result<usize> {
        let taken = event_iov::take(consumer, iov).ok_or(EAGAIN)?;
        self.pass_on();
        if taken == 0 {
            return Err(EFAULT);
        }
        Ok(taken)
    }

    #[inline(never)]
    fn read_hub(&self, buffer: &mut [uapi::Event], iov: &mut IovIterDest<'_>) -> Result<usize> {
        let mut read = 0;
        loop {
            let max = buffer.len().min(iov.len() / size_of::<uapi::Event>());
            let batch = &mut buffer[..max];
            let taken = self.with_subscriber(|subscriber| subscriber.producer().take(batch));
            let copied = event_iov::copy_all(&batch[..taken], iov);
            read += copied;
            if copied < taken {
                self.put_back(&batch[copied..taken]);
            }
            if copied < BATCH {
                self.pass_on();
                return match (read, taken) {
                    (0, 0) => Err(EAGAIN),
                    (0, _) => Err(EFAULT),
                    _ => Ok(read),
                };
            }
        }
    }

    fn put_back(&self, events: &[uapi::Event]) {
        let mut state = self.hub.state().lock();
        let subscriber = self.subscriber(&mut state);
        subscriber.producer().put_back(events);
        // The timer may have found no event meanwhile, and was not started again.
        let notice = subscriber.begin_wait();
        self.notify(notice);
        drop(state);
        // Pollers may have looked meanwhile, and sleep.
        self.waiters.wake_pollers();
    }

    /// A reader is done and may have left events: the wake-up for them may have been its alone.
    fn pass_on(&self) {
        // Who sleeps since before these events came is seen, as their queueing took the lock
        // meanwhile; who comes later looks for itself.
        if self.sleeping.load_relaxed() == 0 {
            return;
        }
        let mut state = self.hub.state().lock();
        let subscriber = self.subscriber(&mut state);
        if subscriber.is_readable() {
            self.waiters.wake_reader();
        } else {
            let notice = subscriber.begin_wait();
            self.notify(notice);
        }
    }

    /// Registers a poller and says what it would not have to wait for.
    pub(crate) fn poll(&self, file: &File, table: PollTable<'_>) -> u32 {
        self.waiters.register(file, table);
        if self.ring_tells_all.load_relaxed() == 0 {
            self.poll_subscriber()
        } else {
            self.ring.read(readiness) | fops::WRITABLE
        }
    }

    #[inline(never)]
    fn poll_subscriber(&self) -> u32 {
        let mut state = self.hub.state().lock();
        let subscriber = self.subscriber(&mut state);
        let notice = subscriber.begin_wait();
        let mut ready = readiness(subscriber.producer().ring());
        self.notify(notice);
        if state.takes_trigger() {
            ready |= fops::WRITABLE;
        }
        ready
    }

    /// Maps the ring into a program.
    ///
    /// `EINVAL` for a queue that drops its oldest event, `EBUSY` while it is being changed, else as
    /// [`MappedMemory::map`].
    pub(crate) fn map(&self, vma: &VmaNew) -> Result {
        let ring = self.with_subscriber(|subscriber| subscriber.begin_mapping())?;
        ring.memory()
            .map(vma)
            .inspect_err(|_| self.with_subscriber(|subscriber| subscriber.undo_mapping()))
    }

    /// Gives the queue other settings. Events that wait go on to wait, in their order, as far as
    /// there is room for them by the new settings.
    ///
    /// `EBUSY` when the ring was mapped, `ENOMEM`; nothing is changed then.
    pub(crate) fn reconfigure(&self, settings: Settings) -> Result {
        let mut reader = self.reader.lock();
        let mut batch = batch()?;
        let delivered = self.with_subscriber(|subscriber| subscriber.producer().delivered());
        let (mut producer, consumer) = mapped_memory::ring(&settings, delivered)?;
        let ring = producer.ring().clone();
        let new_reader = Reader::new(consumer)?;
        self.with_subscriber(|subscriber| subscriber.begin_change())?;

        // In steps, so that sources don't wait long; events that come meanwhile come along.
        for _ in 0..BATCHES {
            let carried = self.with_subscriber(|subscriber| {
                reader.carry(subscriber.producer(), &mut producer, &mut batch)
            });
            if carried < BATCH {
                break;
            }
        }
        let mut state = self.hub.state().lock();
        let subscriber = self.subscriber(&mut state);
        while reader.carry(subscriber.producer(), &mut producer, &mut batch) > 0 {}
        self.ring_tells_all.store_relaxed(ring_tells_all(&settings));
        let takes_trigger = settings.takes_trigger();
        let old_producer = subscriber.end_change(producer, settings);
        let notice = if subscriber.is_readable() {
            Notice::Readable
        } else {
            subscriber.begin_wait()
        };
        self.notify(notice);
        drop(state);

        // Before another change may begin.
        self.ring.replace(ring);
        let old_reader = core::mem::replace(&mut *reader, new_reader);
        drop(reader);
        // The old ring's memory, which may not be freed under a spinlock.
        drop((old_producer, old_reader));
        // Pollers who were woken meanwhile may have looked at the old ring.
        self.waiters.wake_pollers();
        if takes_trigger {
            self.hub.filter_changed();
        }
        Ok(())
    }
}

/// Whether pollers need to know of nothing but the ring: no timer has to be started for them, and a
/// software trigger is never refused.
fn ring_tells_all(settings: &Settings) -> u32 {
    (settings.watermark_us.is_none() && settings.takes_trigger()).into()
}

/// What a reader of `ring` would not have to wait for.
#[inline]
fn readiness(ring: &Ring<MappedMemory>) -> u32 {
    let mut ready = 0;
    if ring.is_readable() {
        ready |= fops::READABLE;
    }
    if ring.lost_since_read() {
        ready |= fops::PRIORITY;
    }
    ready
}

impl Inner {
    /// Tells who waits that events can be read.
    fn announce(&self) {
        self.waiters.wake();
        self.fasync.notify_readable();
    }
}

impl ExpiryHandler for Inner {
    fn handle_expiry(queue: &PrivateQueue) {
        // Under the lock, or a reader that is about to sleep would miss it.
        let mut state = queue.hub.state().lock();
        let notice = queue.subscriber(&mut state).end_wait();
        queue.notify(notice);
    }
}
