// SPDX-License-Identifier: GPL-2.0-only

//! A file with a private queue: whole records, many per read, and the mapped ring.

use crate::{
    bus::{
        Bus,
        Receiver, //
    },
    kernel_ext::{
        fasync::FasyncList,
        mapped_area::{
            self,
            Part, //
        },
        memlock::Charge,
        misc_device::Patience,
        mutex::{
            new_lean_mutex,
            LeanMutex, //
        },
        rcu::RcuNode, //
    },
    queue::{
        ring::{
            self,
            Consumer,
            Overflow,
            Relayout,
            Ring, //
        },
        settings::Settings,
        Area, //
    },
    sink::PolledRing,
    trace,
    uapi::{
        self,
        Levels,
        Stats, //
    }, //
};
use core::mem::size_of;
use kernel::{
    fs::File,
    iov::IovIterDest,
    mm::virt::VmaNew,
    prelude::*,
    sync::{
        poll::PollTable,
        Arc, //
    },
    transmute::AsBytes, //
};

/// Maximum number of events in transit if the bus lock is needed to take them.
const BATCH: usize = 64;

/// How many batches are moved to another ring before sources have to wait for the rest: enough for
/// the largest ring.
const BATCHES: usize = uapi::CAPACITY_MAX as usize / BATCH;

/// The private queue of an open file.
#[pin_data]
pub(crate) struct PrivateQueue {
    receiver: Receiver,
    /// Its holder takes events out. The bus lock nests inside it.
    #[pin]
    reader: LeanMutex<Reader>,
}

/// The end that takes events out.
struct Reader {
    way: Way,
    /// Charges the ring's memory to the user.
    _charge: Charge,
}

/// How to take events out.
enum Way {
    /// From the ring, without a lock.
    Ring(Consumer<Area>),
    /// Through the producer, which then takes events out, too, and a buffer.
    Producer(KVec<uapi::Event>),
}

/// Everything that a queue with given settings needs.
struct Parts {
    ring: Arc<Ring<Area>>,
    charge: Charge,
    /// The buffer of [`Way::Producer`].
    buffer: Option<KVec<uapi::Event>>,
}

impl Parts {
    /// Allocates them.
    ///
    /// `EPERM` if `RLIMIT_MEMLOCK` is exceeded, `ENOMEM`.
    fn new(settings: &Settings) -> Result<Self> {
        let slots = settings.capacity.next_power_of_two();
        let charge = Charge::new(Area::pages(slots))?;
        let buffer = match settings.overflow {
            Overflow::DropNewest => None,
            Overflow::DropOldest => Some(KVec::from_elem(
                uapi::Event::default(),
                BATCH,
                GFP_KERNEL_ACCOUNT,
            )?),
        };
        let ring = Ring::new(
            Area::new(slots)?,
            settings.capacity,
            settings.watermark_events,
            0,
        );
        Ok(Self {
            ring: Arc::new(ring, GFP_KERNEL_ACCOUNT)?,
            charge,
            buffer,
        })
    }
}

impl Way {
    fn new(consumer: Option<Consumer<Area>>, buffer: Option<KVec<uapi::Event>>) -> Self {
        match consumer {
            Some(consumer) => Self::Ring(consumer),
            None => Self::Producer(buffer.unwrap_or_default()),
        }
    }
}

impl PrivateQueue {
    /// Creates a queue with `settings` that receives events from now on.
    ///
    /// `EUSERS` if the maximum number is reached, `EPERM` if `RLIMIT_MEMLOCK` is exceeded, `ENOMEM`.
    pub(super) fn open(bus: &Arc<Bus>, settings: Settings) -> Result<Pin<KBox<Self>>> {
        let parts = Parts::new(&settings)?;
        let (producer, consumer) = ring::ends(parts.ring, settings.overflow);
        let reader = Reader {
            way: Way::new(consumer, parts.buffer),
            _charge: parts.charge,
        };
        let pid = kernel::current!().group_leader().pid();
        let receiver = Receiver::connect(bus, producer, &settings, pid)?;
        KBox::pin_init(
            pin_init!(Self {
                receiver,
                reader <- new_lean_mutex!(reader, "mypoll::PrivateQueue::reader"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Returns the files that get `SIGIO` when it becomes readable.
    pub(super) fn fasync(&self) -> &FasyncList {
        self.receiver.sink().fasync()
    }

    /// Returns the statistics.
    pub(super) fn stats(&self) -> Result<Stats> {
        self.receiver.with(|sink| sink.stats())
    }

    /// Returns the statistics and the settings at one moment.
    pub(super) fn stats_and_settings(&self) -> Result<(Stats, Settings)> {
        self.receiver
            .with(|sink| (sink.stats(), sink.settings().clone()))
    }

    /// Returns the levels of all lines, and the position of this queue to which they apply.
    pub(super) fn levels(&self) -> Result<Levels> {
        self.receiver.levels()
    }

    /// Takes as many events as fit. Unless the file is non-blocking, waits until it is readable for
    /// poll.
    ///
    /// `EINVAL` if the buffer is too short for one, `EAGAIN` if the queue is empty, `EFAULT` if the
    /// first can't be written, `ERESTARTSYS` if a signal ends the sleep.
    pub(super) fn read(&self, iov: &mut IovIterDest<'_>, patience: Patience) -> Result<usize> {
        if iov.len() < size_of::<uapi::Event>() {
            return Err(EINVAL);
        }
        loop {
            match patience {
                Patience::Block => self.receiver.wait_readable()?,
                Patience::NoWait if !self.receiver.is_readable()? => return Err(EAGAIN),
                _ => {}
            }
            let mut reader = match patience.is_nowait() {
                false => self.reader.lock(),
                true => self.reader.try_lock().ok_or(EAGAIN)?,
            };
            let result = match &mut reader.way {
                Way::Ring(consumer) => self.read_ring(consumer, iov),
                Way::Producer(buffer) => self.read_producer(buffer, iov),
            };
            drop(reader);
            match result {
                // Another reader took them first.
                Err(error) if patience == Patience::Block && error == EAGAIN => {}
                Err(error) => return Err(error),
                Ok(events) => {
                    trace::read(events as u32, true);
                    return Ok(events * size_of::<uapi::Event>());
                }
            }
        }
    }

    fn read_ring(&self, consumer: &mut Consumer<Area>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let max = iov.len() / size_of::<uapi::Event>();
        let mut was_empty = true;
        let taken = consumer.take(max, |area, index, count| {
            was_empty = false;
            area.copy_to_iter(index, count, iov)
        });
        if was_empty {
            return Err(EAGAIN);
        }
        self.receiver.pass_on();
        if taken == 0 {
            return Err(EFAULT);
        }
        Ok(taken)
    }

    #[inline(never)]
    fn read_producer(
        &self,
        buffer: &mut [uapi::Event],
        iov: &mut IovIterDest<'_>,
    ) -> Result<usize> {
        let mut read = 0;
        loop {
            let max = buffer.len().min(iov.len() / size_of::<uapi::Event>());
            let batch = &mut buffer[..max];
            let taken = self.receiver.with(|sink| sink.producer().take(batch))?;
            let copied = iov.copy_to_iter(batch[..taken].as_bytes()) / size_of::<uapi::Event>();
            read += copied;
            if copied < taken {
                self.put_back(&batch[copied..taken])?;
            }
            if copied < BATCH {
                self.receiver.pass_on();
                return match (read, taken) {
                    (0, 0) => Err(EAGAIN),
                    (0, _) => Err(EFAULT),
                    _ => Ok(read),
                };
            }
        }
    }

    fn put_back(&self, events: &[uapi::Event]) -> Result {
        self.receiver.with_notice(|sink| {
            sink.producer().put_back(events);
            // The timer may have found no event meanwhile, while pollers checked and went to sleep.
            sink.look_again()
        })
    }

    /// Registers a poller and returns its readiness.
    #[inline]
    pub(super) fn poll(&self, file: &File, table: &PollTable<'_>) -> u32 {
        self.receiver.poll(file, table)
    }

    /// Maps the ring into a program.
    ///
    /// `EINVAL` for a queue that drops its oldest event and for another offset, `EBUSY` while it is
    /// being changed, otherwise as [`MappedArea::map`](mapped_area::MappedArea::map).
    pub(super) fn map(&self, vma: &VmaNew) -> Result {
        let part = match mapped_area::map_offset(vma) {
            uapi::OFF_RING => Part::Header,
            uapi::OFF_EVENTS => Part::Records,
            _ => return Err(EINVAL),
        };
        let ring = self.receiver.with(|sink| sink.begin_mapping())??;
        ring.memory().map(part, vma).or_else(|error| {
            self.receiver
                .with(|sink| sink.undo_mapping())
                .and(Err(error))
        })
    }

    /// Changes the queue's settings. Waiting events stay, in order, if the new settings have room for
    /// them. No intermediate state is visible.
    ///
    /// `EBUSY` if the ring was mapped, `EPERM` if `RLIMIT_MEMLOCK` is exceeded, `ENOMEM`; then nothing
    /// changes.
    pub(super) fn reconfigure(&self, settings: Settings) -> Result {
        let mut reader = self.reader.lock();
        let Parts {
            ring,
            charge,
            buffer,
        } = Parts::new(&settings)?;
        let polled = RcuNode::new(PolledRing::new(ring.clone(), &settings))?;
        let mut relayout = self.receiver.with(|sink| {
            sink.begin_change()?;
            Ok::<_, Error>(Relayout::new(ring, settings.overflow, sink.producer()))
        })??;

        // In steps, so that sources don't wait long; new events are moved as well.
        for _ in 0..BATCHES {
            let left = self
                .receiver
                .with(|sink| relayout.copy(sink.producer(), BATCH as u32))?;
            if left == 0 {
                break;
            }
        }
        let (old_producer, consumer) = self.receiver.replace(relayout, polled, settings)?;
        let old_reader = core::mem::replace(
            &mut *reader,
            Reader {
                way: Way::new(consumer, buffer),
                _charge: charge,
            },
        );
        drop(reader);
        drop((old_producer, old_reader));
        Ok(())
    }
}
