// SPDX-License-Identifier: GPL-2.0-only

//! Turns the interrupts of a line into events.

use super::level::Level;
use crate::{
    bus::Bus,
    clock::now_ns,
    event::Event,
    kernel_ext::{
        gpio::Input,
        interrupt::{
            EdgeDetection,
            EdgeHandler, //
        },
        oneshot::{
            ExpiryHandler,
            OneShot, //
        },
        spinlock_irq::{
            new_spinlock_irq,
            SpinLockIrq, //
        },
        wakeup::WakeupInterrupt,
    },
    trace, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::NSEC_PER_MSEC, //
};

/// Which edges become events.
#[derive(Clone, Copy)]
pub(crate) struct EdgeFilter {
    /// The edges of the logical level that are reported.
    pub(crate) reported: EdgeDetection,
    /// For how many milliseconds the line must be stable before an edge is reported, if the driver
    /// debounces it.
    pub(crate) quiet_ms: Option<u32>,
}

impl EdgeFilter {
    /// Returns the edges of the logical level that need an interrupt.
    pub(crate) fn detected(self) -> EdgeDetection {
        match self.quiet_ms {
            // A bouncing contact has both.
            Some(_) => EdgeDetection::Both,
            None => self.reported,
        }
    }
}

/// State shared by the interrupt handler and the debounce timer of a line.
#[pin_data]
pub(crate) struct Edges {
    bus: Arc<Bus>,
    line: u32,
    filter: EdgeFilter,
    level: Level,
    wakeup: Option<Pin<KBox<WakeupInterrupt>>>,
    #[pin]
    bounce: SpinLockIrq<Bounce>,
}

/// A contact that may be bouncing.
struct Bounce {
    /// The last stable level.
    quiet_level: bool,
    /// When it left that level, if it did.
    first_edge_ns: Option<u64>,
    /// The number of edges since then.
    edges: u64,
    /// When it will have been stable for long enough.
    quiet_at_ns: u64,
    /// The number of edges that were not the first one of an event.
    bounced: u64,
}

impl Edges {
    /// Creates the edges of `input`, which is line number `line`.
    pub(crate) fn new(
        bus: Arc<Bus>,
        line: u32,
        input: Arc<Input>,
        filter: EdgeFilter,
        wakeup: Option<Pin<KBox<WakeupInterrupt>>>,
    ) -> impl PinInit<Self> {
        let bounce = Bounce {
            quiet_level: false,
            first_edge_ns: None,
            edges: 0,
            quiet_at_ns: 0,
            bounced: 0,
        };
        pin_init!(Self {
            bus,
            line,
            filter,
            level: Level::new(input, filter.detected().level_after()),
            wakeup,
            bounce <- new_spinlock_irq!(bounce, "mypoll::Edges::bounce"),
        })
    }

    /// Determines the first level. Until [`begin`](Self::begin), edges are only counted. May sleep.
    pub(crate) fn settle(&self) -> Result<bool> {
        self.level.settle()
    }

    /// Reports edges from now on, and a possible edge since [`settle`](Self::settle) returned `level`.
    /// `in_thread` tells where the interrupt handler runs. May sleep.
    pub(crate) fn begin(this: &OneShot<Self>, level: bool, in_thread: bool) {
        this.bounce.lock().quiet_level = level;
        this.level.activate(in_thread);

        let timestamp_ns = now_ns();
        if !this.level.missed_edge(level) {
            return;
        }
        match this.filter.quiet_ms {
            Some(quiet_ms) => Self::debounce(this, timestamp_ns, quiet_ms, 0),
            None if this.filter.reported.detects(!level) => {
                // The handler marks the level as used before it takes the bus lock: its event follows
                // this one, or replaces it.
                let event = Event::edge(timestamp_ns, this.line, !level);
                this.bus.report_if(event, || this.level.is_unused());
            }
            None => {}
        }
    }

    /// Returns the number of interrupts.
    pub(crate) fn edges(&self) -> u64 {
        self.level.edges()
    }

    /// Returns how many of them were not reported because the contact was bouncing.
    pub(crate) fn bounced(&self) -> u64 {
        self.bounce.lock().bounced
    }

    /// Waits until the contact is stable; `edges` is the number of edges until `timestamp_ns`.
    fn debounce(this: &OneShot<Self>, timestamp_ns: u64, quiet_ms: u32, edges: u64) {
        let quiet_at_ns = timestamp_ns + u64::from(quiet_ms) * NSEC_PER_MSEC as u64;
        let mut bounce = this.bounce.lock();
        bounce.first_edge_ns.get_or_insert(timestamp_ns);
        bounce.edges += edges;
        bounce.quiet_at_ns = bounce.quiet_at_ns.max(quiet_at_ns);
        // Under the lock, so that an expiry which is too early is followed by another one.
        this.arm(bounce.quiet_at_ns);
    }

    fn report(&self, timestamp_ns: u64, level: bool) {
        if self.filter.reported.detects(level) {
            self.bus.report(Event::edge(timestamp_ns, self.line, level));
        }
    }
}

impl EdgeHandler for OneShot<Edges> {
    fn handle_edge(&self) {
        let timestamp_ns = now_ns();
        trace::edge(self.line, timestamp_ns);
        let quiet_ms = self.filter.quiet_ms;
        if let Some(wakeup) = &self.wakeup {
            wakeup.occurred(quiet_ms.unwrap_or(0));
        }
        let Some(level) = self.level.after_edge() else {
            return;
        };
        match quiet_ms {
            None => self.report(timestamp_ns, level),
            Some(quiet_ms) => Edges::debounce(self, timestamp_ns, quiet_ms, 1),
        }
    }
}

impl ExpiryHandler for Edges {
    /// Reports the first edge, if the line is now stable at another level.
    fn handle_expiry(this: &OneShot<Self>) {
        let mut bounce = this.bounce.lock();
        // An edge may have armed the timer again while this waited for the lock.
        if now_ns() < bounce.quiet_at_ns {
            return;
        }
        let Some(timestamp_ns) = bounce.first_edge_ns.take() else {
            return;
        };
        // Under the lock: a later edge finds `first_edge_ns` empty, and counts next time.
        let level = this.level.now();
        let changed = core::mem::replace(&mut bounce.quiet_level, level) != level;
        let edges = core::mem::take(&mut bounce.edges);
        bounce.bounced += edges.saturating_sub(changed.into());
        drop(bounce);
        if changed {
            this.report(timestamp_ns, level);
        }
    }
}
