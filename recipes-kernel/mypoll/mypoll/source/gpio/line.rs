// SPDX-License-Identifier: GPL-2.0-only

//! One GPIO line, from setup to removal.

use super::{
    edges::{
        EdgeFilter,
        Edges, //
    },
    label::{
        c_string,
        Label, //
    },
    properties::Node,
    table::{
        LineInfo,
        LineNumber, //
    },
    Gpio, //
};
use crate::{
    clock::now_ns,
    event::Event,
    kernel_ext::{
        device::change_event,
        gpio::{
            Input,
            LeavingChip, //
        },
        interrupt::EdgeInterrupt,
        oneshot::OneShot,
        wakeup::{
            self,
            WakeupInterrupt, //
        }, //
    },
    uapi::LineSet, //
};
use kernel::{
    c_str,
    device::Device,
    prelude::*,
    str::CString,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};

/// A line whose edges are reported until it is dropped.
pub(crate) struct Line {
    // In this order: no edge can follow the removal, and no other line gets the number before it.
    interrupt: EdgeInterrupt<OneShot<Edges>>,
    edges: Arc<OneShot<Edges>>,
    listing: Listing,
    input: Arc<Input>,
}

impl Line {
    /// Sets up the line in `node`. Errors are logged. Programs do not see the line yet.
    ///
    /// It gets a number in `claimed` only if it asks for it.
    pub(crate) fn new(gpio: &Arc<Gpio>, node: &Node<'_>, claimed: &LineSet) -> Result<Self> {
        let (dev, name) = (node.dev, node.name());
        let label = node.label()?;
        let input = Arc::new(node.input(&label)?, GFP_KERNEL)?;
        let irq = input.irq().inspect_err(|error| {
            dev_err!(
                dev,
                "{name}: gpios: this line has no interrupt: {error:?}\n"
            );
        })?;
        let reported = node.reported_edges()?;
        let debounce = Debounce::set_up(node, &input)?;
        let filter = EdgeFilter {
            reported,
            quiet_ms: debounce.quiet_ms,
        };
        let wakeup = wakeup_interrupt(node, irq)?;
        let wanted = node.number()?;
        let number = LineNumber::take(
            gpio,
            wanted.or(node.last_number()),
            claimed,
            LineInfo {
                label: label.try_clone()?,
                input: input.clone(),
                reported,
                debounce_us: debounce.us,
                debounced_by_driver: debounce.quiet_ms.is_some(),
                wakes: wakeup.is_some(),
            },
        )
        .inspect_err(|error| {
            dev_err!(dev, "{name}: no free number: {error:?}\n");
        })?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != number.get()) {
            dev_warn!(
                dev,
                "{name}: reg: {wanted} is in use by another line, using {}\n",
                number.get()
            );
        }

        let physical = match input.is_active_low() {
            true => filter.detected().inverted(),
            false => filter.detected(),
        };
        let edges = Arc::pin_init(
            OneShot::new(Edges::new(
                gpio.bus.clone(),
                number.get(),
                input.clone(),
                filter,
                wakeup,
            )),
            GFP_KERNEL,
        )?;
        let listing = Listing::new(dev, number, &label)?;
        let interrupt = EdgeInterrupt::request(irq, physical, label.into_c_string(), edges.clone())
            .inspect_err(|error| {
                dev_err!(
                    dev,
                    "{name}: failed to request interrupt {irq}: {error:?}\n"
                );
            })?;
        Ok(Self {
            interrupt,
            edges,
            listing,
            input,
        })
    }

    /// Returns the line's number.
    pub(crate) fn number(&self) -> u32 {
        self.listing.number.get()
    }

    /// Returns the line's chip if it is gone, or its driver is being unbound. May sleep.
    pub(crate) fn leaving_chip(&self) -> Option<LeavingChip> {
        self.input.leaving_chip()
    }

    /// Determines the line's first level. May sleep.
    pub(crate) fn settle(&self) -> Result<bool> {
        self.edges.settle()
    }

    /// Shows the line, which settled at `level`, to programs, and reports its edges from now on. May
    /// sleep.
    pub(crate) fn begin(&self, level: bool) {
        self.listing.add(self.edges.clone(), level);
        Edges::begin(&self.edges, level, self.interrupt.is_nested());
        self.listing.notify(c_str!("MYPOLL_ACTION=added"));
    }
}

/// The line as seen by programs: its number, and the events and uevents of its addition and removal.
struct Listing {
    number: LineNumber,
    dev: ARef<Device>,
    /// Variables of its uevents.
    line_variable: CString,
    label_variable: CString,
}

impl Listing {
    fn new(dev: &Device, number: LineNumber, label: &Label) -> Result<Self> {
        const KEY: &[u8] = b"MYPOLL_LABEL=";
        let mut label_variable = KVec::new();
        label_variable.extend_from_slice(KEY, GFP_KERNEL)?;
        label_variable.extend_from_slice(label.as_bytes(), GFP_KERNEL)?;
        Ok(Self {
            line_variable: CString::try_from_fmt(fmt!("MYPOLL_LINE={}", number.get()))?,
            label_variable: c_string(&label_variable)?,
            number,
            dev: ARef::from(dev),
        })
    }

    fn add(&self, edges: Arc<OneShot<Edges>>, level: bool) {
        self.number.list(edges);
        let event = Event::added(now_ns(), self.number.get(), level);
        self.number.bus().report(event);
    }

    /// Sends a uevent. A failure is not an error: programs that need to know all lines read `lines`.
    fn notify(&self, action: &CStr) {
        let variables = [action, &*self.line_variable, &*self.label_variable];
        if let Err(error) = change_event(&self.dev, &variables) {
            dev_dbg!(self.dev, "failed to send a uevent: {error:?}\n");
        }
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        let Some(edges) = self.number.unlist() else {
            return;
        };
        // Stops the debounce timer: no edge may be reported after the removal.
        drop(edges);
        let event = Event::removed(now_ns(), self.number.get());
        self.number.bus().report(event);
        self.notify(c_str!("MYPOLL_ACTION=removed"));
    }
}

/// Debouncing of contacts.
struct Debounce {
    /// The debounce time in microseconds; 0 for none.
    us: u32,
    /// The same in milliseconds, if the driver debounces because the chip can't.
    quiet_ms: Option<u32>,
}

impl Debounce {
    /// Sets up debouncing as described in `node`.
    fn set_up(node: &Node<'_>, input: &Input) -> Result<Self> {
        let (ms, us) = node.debounce_interval()?;
        let by_driver = ms != 0 && input.set_debounce(us).is_err();
        Ok(Self {
            us,
            quiet_ms: by_driver.then_some(ms),
        })
    }
}

/// Makes the line wake the machine if `node` says so. If that fails, the line works without.
fn wakeup_interrupt(node: &Node<'_>, irq: u32) -> Result<Option<Pin<KBox<WakeupInterrupt>>>> {
    if !node.wakeup_source() {
        return Ok(None);
    }
    if let Err(error) = wakeup::try_irq(irq) {
        dev_warn!(
            node.dev,
            "{}: wakeup-source: the line's chip can't wake the machine: {error:?}\n",
            node.name()
        );
        return Ok(None);
    }
    WakeupInterrupt::new(node.dev, irq).map(Some)
}
