// SPDX-License-Identifier: GPL-2.0-only

//! The queue of one open file, seen from the sources: what goes in, and what comes of it.

use crate::{
    abstractions::{
        clock,
        mapped_memory::MappedMemory,
        ring::{
            Producer,
            Pushed,
            Ring, //
        }, //
    },
    event::Event,
    hub::now_ns,
    settings::Settings,
    uapi::{
        self,
        Stats, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::Delta, //
};

/// What an event is to those who wait for the queue.
pub(crate) enum Notice {
    /// Nothing yet.
    Nothing,
    /// Nothing yet, but after this time.
    Wait(Delta),
    /// The file is readable.
    Readable,
    /// An event was lost for the first time since the last read.
    Loss,
}

/// What the hub's lock protects of a private queue.
pub(crate) struct Subscriber {
    producer: Producer<MappedMemory>,
    settings: Settings,
    /// How often the ring was mapped, which no program does 2⁶⁴ times.
    mappings: u64,
    /// Events are being moved to another ring.
    changing: bool,
    /// The timer of the watermark runs.
    waiting: bool,
}

impl Subscriber {
    /// A queue with `settings` over the ring of `producer`.
    pub(crate) fn new(producer: Producer<MappedMemory>, settings: Settings) -> Self {
        Self {
            producer,
            settings,
            mappings: 0,
            changing: false,
            waiting: false,
        }
    }

    /// How it was asked to be.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The end that events go in.
    pub(crate) fn producer(&mut self) -> &mut Producer<MappedMemory> {
        &mut self.producer
    }

    /// Queues `event`, if it is one of those that are wanted.
    #[inline]
    pub(crate) fn offer(&mut self, event: &Event) -> Notice {
        if !self.settings.filter.takes(event) {
            return Notice::Nothing;
        }
        let pushed = self.producer.push(uapi::Event {
            timestamp_ns: clock::convert(self.settings.clock, event.timestamp_ns),
            sequence: 0,
            lost: 0,
            source: event.source as u16,
            kind: event.kind as u16,
            line: event.line,
            value: event.value,
            reserved: 0,
        });
        match pushed {
            Pushed::Queued(depth) if depth >= self.settings.watermark_events => Notice::Readable,
            Pushed::Queued(_) if self.is_readable() => Notice::Readable,
            Pushed::Queued(_) => self.begin_wait(),
            Pushed::FirstLost => Notice::Loss,
            Pushed::Lost => Notice::Nothing,
        }
    }

    /// Has events that wait, but are too few, become readable in time.
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

    /// The time is over that [`Notice::Wait`] asked for.
    pub(crate) fn end_wait(&mut self) -> Notice {
        // Else the event whose time it was has been read, or the settings have changed.
        if core::mem::take(&mut self.waiting) && self.time_left().is_some_and(Delta::is_zero) {
            self.producer.ring().end_wait();
        }
        if self.is_readable() {
            Notice::Readable
        } else {
            self.begin_wait()
        }
    }

    /// How long it is until the oldest event has waited long enough; `None` when there is none, or
    /// time doesn't count.
    fn time_left(&self) -> Option<Delta> {
        let us = i64::from(self.settings.watermark_us?);
        let oldest = self.producer.oldest()?.timestamp_ns;
        let now = clock::convert(self.settings.clock, now_ns());
        // A clock that was set back meanwhile makes this very long, and so ends the wait.
        let waited_us = now.wrapping_sub(oldest) / 1000;
        Some(Delta::from_micros((us - waited_us as i64).max(0)))
    }

    /// Whether poll calls the file readable.
    pub(crate) fn is_readable(&self) -> bool {
        self.producer.ring().is_readable()
    }

    fn depth(&self) -> u32 {
        self.producer.ring().depth()
    }

    /// The account.
    pub(crate) fn stats(&self) -> Stats {
        let account = self.producer.account();
        let depth = self.depth();
        Stats {
            generated: account.generated,
            // A program that stores nonsense as its head may have "read" less than nothing.
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

    /// Gives the ring for mapping.
    ///
    /// `EINVAL` when it drops its oldest event, `EBUSY` while it is being changed.
    pub(crate) fn begin_mapping(&mut self) -> Result<Arc<Ring<MappedMemory>>> {
        if self.producer.takes_out() {
            return Err(EINVAL);
        }
        if self.changing {
            return Err(EBUSY);
        }
        self.mappings += 1;
        Ok(self.producer.ring().clone())
    }

    /// The mapping that was begun came to nothing.
    pub(crate) fn undo_mapping(&mut self) {
        self.mappings -= 1;
    }

    /// Keeps the ring from being mapped; `EBUSY` when it was.
    pub(crate) fn begin_change(&mut self) -> Result {
        if self.mappings > 0 {
            return Err(EBUSY);
        }
        self.changing = true;
        Ok(())
    }

    /// Goes on with other settings over another ring, to which all events were moved. Gives back
    /// the old one.
    pub(crate) fn end_change(
        &mut self,
        mut producer: Producer<MappedMemory>,
        settings: Settings,
    ) -> Producer<MappedMemory> {
        producer.adopt(&self.producer);
        self.settings = settings;
        self.changing = false;
        self.waiting = false;
        core::mem::replace(&mut self.producer, producer)
    }
}
