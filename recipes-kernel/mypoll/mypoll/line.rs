// SPDX-License-Identifier: GPL-2.0-only

//! One GPIO line: from its interrupt to an event.

use crate::{
    abstractions::{
        gpio::Input,
        interrupt::{
            EdgeHandler,
            EdgeInterrupt, //
        },
        oneshot::{
            ExpiryHandler,
            OneShot, //
        },
        spinlock_irq::{
            new_spinlock_irq,
            SpinLockIrq, //
        },
    },
    event::Event,
    hub::{
        now_ns,
        Hub, //
    },
    level::Level,
    line_table::LineNumber,
};
use kernel::{
    c_str,
    device::property::FwNode,
    prelude::*,
    str::CString,
    sync::Arc,
    time::Delta, //
};

/// A line whose edges become events until it is dropped.
pub(crate) struct Line {
    _interrupt: EdgeInterrupt<OneShot<Edges>>,
}

impl Line {
    /// Sets up the line that `node`, a child of a `mypoll,events` node, describes.
    pub(crate) fn new(hub: &Arc<Hub>, node: &FwNode) -> Result<Self> {
        let label = match node.property_read::<CString>(c_str!("label")).optional() {
            Some(label) => label,
            None => CString::try_from_fmt(fmt!("{}", node.display_name()))?,
        };
        let debounce_ms = node
            .property_read::<u32>(c_str!("debounce-interval"))
            .or_default();

        let input = Input::get(node, &label)?;
        let irq = input.irq()?;
        let quiet = software_debounce(&input, debounce_ms)?;
        let number = node.property_read::<u32>(c_str!("reg")).optional();
        let number = LineNumber::take(hub, number, &label)?;
        let edges = Arc::pin_init(
            OneShot::new(Edges::new(hub.clone(), number, input, quiet)),
            GFP_KERNEL,
        )?;
        let interrupt = EdgeInterrupt::request(irq, label, edges.clone())?;
        edges.begin(interrupt.is_nested())?;
        Ok(Self {
            _interrupt: interrupt,
        })
    }
}

/// How long the driver itself has to wait for a contact to stop bouncing; nothing where the chip
/// does it.
fn software_debounce(input: &Input, debounce_ms: u32) -> Result<Option<Delta>> {
    let debounce_us = debounce_ms.checked_mul(1000).ok_or(EINVAL)?;
    if debounce_ms == 0 || input.set_debounce(debounce_us).is_ok() {
        return Ok(None);
    }
    Ok(Some(Delta::from_millis(debounce_ms.into())))
}

/// What the interrupt handler and the debounce timer of a line share.
#[pin_data]
struct Edges {
    hub: Arc<Hub>,
    number: LineNumber,
    level: Level,
    /// How long the line has to be quiet before an edge counts, if the driver is to look after
    /// that.
    quiet: Option<Delta>,
    #[pin]
    bounce: SpinLockIrq<Bounce>,
}

/// A contact that may be bouncing.
struct Bounce {
    /// The level that was reported last.
    reported: bool,
    /// When the line left that level, if it did.
    first_edge_ns: Option<u64>,
}

impl Edges {
    fn new(
        hub: Arc<Hub>,
        number: LineNumber,
        input: Input,
        quiet: Option<Delta>,
    ) -> impl PinInit<Self> {
        let bounce = Bounce {
            reported: false,
            first_edge_ns: None,
        };
        pin_init!(Self {
            hub,
            number,
            level: Level::new(input),
            quiet,
            bounce <- new_spinlock_irq!(bounce, "mypoll::Edges::bounce"),
        })
    }

    /// From now on, edges become events. `in_thread` says where the interrupt handler runs.
    fn begin(&self, in_thread: bool) -> Result {
        let level = self.level.settle()?;
        self.bounce.lock().reported = level;
        self.level.begin(in_thread);
        Ok(())
    }

    fn report(&self, timestamp_ns: u64, level: bool) {
        self.hub
            .report(Event::edge(timestamp_ns, self.number.get(), level));
    }
}

impl EdgeHandler for OneShot<Edges> {
    fn handle_edge(&self) {
        let timestamp_ns = now_ns();
        let Some(level) = self.level.after_edge() else {
            return;
        };
        match self.quiet {
            None => self.report(timestamp_ns, level),
            Some(quiet) => {
                self.bounce.lock().first_edge_ns.get_or_insert(timestamp_ns);
                self.arm(quiet);
            }
        }
    }
}

impl ExpiryHandler for Edges {
    /// The line has been quiet for long enough.
    fn handle_expiry(&self) {
        let mut bounce = self.bounce.lock();
        let Some(timestamp_ns) = bounce.first_edge_ns.take() else {
            return;
        };
        // Under the lock: an edge after this finds `first_edge_ns` empty and is looked at next
        // time.
        let level = self.level.now();
        if core::mem::replace(&mut bounce.reported, level) == level {
            return;
        }
        drop(bounce);
        self.report(timestamp_ns, level);
    }
}
