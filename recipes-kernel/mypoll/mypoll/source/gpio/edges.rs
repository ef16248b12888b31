// SPDX-License-Identifier: GPL-2.0-only

//! From the interrupts of a line to its events.

use crate::{
    abstractions::{
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
    event::Event,
    hub::{
        now_ns,
        Hub, //
    },
    level::Level,
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::Delta, //
};

/// How edges become events.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    /// The edges of the logical level that give an event.
    pub(crate) reported: EdgeDetection,
    /// How many milliseconds the line has to be quiet before an edge counts, if the driver is to
    /// look after that.
    pub(crate) quiet_ms: Option<u32>,
}

impl Choice {
    /// The edges of the logical level that an interrupt is needed for.
    pub(crate) fn needed(self) -> EdgeDetection {
        match self.quiet_ms {
            // A contact that bounces has both, whatever comes of it.
            Some(_) => EdgeDetection::Both,
            None => self.reported,
        }
    }
}

/// What the interrupt handler and the debounce timer of a line share.
#[pin_data]
pub(crate) struct Edges {
    hub: Arc<Hub>,
    line: u32,
    choice: Choice,
    level: Level,
    wakeup: Option<Pin<KBox<WakeupInterrupt>>>,
    #[pin]
    bounce: SpinLockIrq<Bounce>,
}

/// A contact that may be bouncing.
struct Bounce {
    /// The level that it was quiet at last.
    quiet_at: bool,
    /// When the line left that level, if it did.
    first_edge_ns: Option<u64>,
}

impl Edges {
    /// The edges of `input`, which is line number `line`.
    pub(crate) fn new(
        hub: Arc<Hub>,
        line: u32,
        input: Arc<Input>,
        choice: Choice,
        wakeup: Option<Pin<KBox<WakeupInterrupt>>>,
    ) -> impl PinInit<Self> {
        let bounce = Bounce {
            quiet_at: false,
            first_edge_ns: None,
        };
        pin_init!(Self {
            hub,
            line,
            choice,
            level: Level::new(input, choice.needed().level_after()),
            wakeup,
            bounce <- new_spinlock_irq!(bounce, "mypoll::Edges::bounce"),
        })
    }

    /// From now on, edges become events. `in_thread` says where the interrupt handler runs.
    pub(crate) fn begin(&self, in_thread: bool) -> Result {
        let level = self.level.settle()?;
        self.bounce.lock().quiet_at = level;
        self.level.begin(in_thread);
        Ok(())
    }

    fn report(&self, timestamp_ns: u64, level: bool) {
        if self.choice.reported.detects(level) {
            self.hub.report(Event::edge(timestamp_ns, self.line, level));
        }
    }
}

impl EdgeHandler for OneShot<Edges> {
    fn handle_edge(&self) {
        let timestamp_ns = now_ns();
        let quiet_ms = self.choice.quiet_ms;
        if let Some(wakeup) = &self.wakeup {
            wakeup.occurred(quiet_ms.unwrap_or(0));
        }
        let Some(level) = self.level.after_edge() else {
            return;
        };
        match quiet_ms {
            None => self.report(timestamp_ns, level),
            Some(quiet_ms) => {
                self.bounce.lock().first_edge_ns.get_or_insert(timestamp_ns);
                self.arm(Delta::from_millis(quiet_ms.into()));
            }
        }
    }
}

impl ExpiryHandler for Edges {
    /// The line has been quiet for long enough.
    fn handle_expiry(this: &OneShot<Self>) {
        let mut bounce = this.bounce.lock();
        let Some(timestamp_ns) = bounce.first_edge_ns.take() else {
            return;
        };
        // Under the lock: an edge after this finds `first_edge_ns` empty and is looked at next
        // time.
        let level = this.level.now();
        if core::mem::replace(&mut bounce.quiet_at, level) == level {
            return;
        }
        drop(bounce);
        this.report(timestamp_ns, level);
    }
}
