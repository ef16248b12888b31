// SPDX-License-Identifier: GPL-2.0-only

//! One GPIO line, as its device-tree node describes it.

use crate::{
    abstractions::{
        gpio::Input,
        interrupt::{
            EdgeDetection,
            EdgeInterrupt, //
        },
        oneshot::OneShot,
        wakeup::{
            self,
            WakeupInterrupt, //
        }, //
    },
    edges::{
        Choice,
        Edges, //
    },
    event::Event,
    hub::{
        now_ns,
        Hub, //
    },
    line_table::{
        Description,
        LineNumber,
        NUMBER_MAX, //
    },
};
use kernel::{
    c_str,
    device::{
        property::{
            FwNode,
            Property, //
        },
        Bound,
        Device, //
    },
    prelude::*,
    str::{
        CStr,
        CString, //
    },
    sync::Arc, //
};

/// A line whose edges become events, if they do, until it is dropped.
pub(crate) struct Line {
    // In this order: no edge can follow the last event, and no other line has the number before it.
    interrupt: EdgeInterrupt<OneShot<Edges>>,
    edges: Arc<OneShot<Edges>>,
    removal: Removal,
}

impl Line {
    /// Sets up the line that `node`, a child of the node of `dev`, describes. What is wrong with it
    /// goes to the log. Programs see nothing of it yet.
    pub(crate) fn new(hub: &Arc<Hub>, dev: &Device<Bound>, node: &FwNode) -> Result<Self> {
        let name = node.display_name();
        let label = match property::<CString>(dev, node, c_str!("label"))? {
            Some(label) => label,
            None => CString::try_from_fmt(fmt!("{name}"))?,
        };

        let input = Input::get(dev, node, &label).inspect_err(|error| {
            if *error != EPROBE_DEFER {
                dev_err!(dev, "{name}: gpios: can't be had: {error:?}\n");
            }
        })?;
        let input = Arc::new(input, GFP_KERNEL)?;
        let irq = input.irq().inspect_err(|error| {
            dev_err!(
                dev,
                "{name}: gpios: this line has no interrupt: {error:?}\n"
            );
        })?;
        let reported = reported_edges(dev, node)?;
        let debounce = Debounce::set_up(dev, node, &input)?;
        let wakeup = wakeup(dev, node, irq)?;
        let choice = Choice {
            reported,
            quiet_ms: debounce.by_driver.then_some(debounce.ms),
        };
        let number = number(dev, node)?;
        let number = LineNumber::take(
            hub,
            number,
            Description {
                label: CString::try_from_fmt(fmt!("{}", &*label))?,
                input: input.clone(),
                reported,
                debounce_us: debounce.ms * 1000,
                debounced_by_driver: debounce.by_driver,
                wakes: wakeup.is_some(),
            },
        )
        .inspect_err(|error| {
            dev_err!(dev, "{name}: reg: this number can't be had: {error:?}\n");
        })?;

        let physical = match input.is_active_low() {
            true => choice.needed().inverted(),
            false => choice.needed(),
        };
        let edges = Arc::pin_init(
            OneShot::new(Edges::new(hub.clone(), number.get(), input, choice, wakeup)),
            GFP_KERNEL,
        )?;
        let interrupt =
            EdgeInterrupt::request(irq, physical, label, edges.clone()).inspect_err(|error| {
                dev_err!(dev, "{name}: interrupt {irq} can't be had: {error:?}\n");
            })?;
        Ok(Self {
            interrupt,
            edges,
            removal: Removal(number),
        })
    }

    /// From now on, edges become events.
    pub(crate) fn begin(&self) -> Result {
        self.edges.begin(self.interrupt.is_nested())
    }

    /// Shows the line to programs, which see its end from now on.
    pub(crate) fn list(&self) {
        self.removal.0.list();
    }
}

/// The event that ends a line that programs saw.
struct Removal(LineNumber);

impl Drop for Removal {
    fn drop(&mut self) {
        if !self.0.is_listed() {
            return;
        }
        let event = Event::removed(now_ns(), self.0.get());
        self.0.hub().report(event);
    }
}

/// A property of `node`, if it is there. One that is there and can't be read is an error, which goes
/// to the log: the line would be another one without it.
fn property<T: Property>(dev: &Device, node: &FwNode, name: &CStr) -> Result<Option<T>> {
    if !node.property_present(name) {
        return Ok(None);
    }
    // This says in the log that it is missing, whatever the error.
    let read = node.property_read(name).required_by(dev);
    read.map(Some).inspect_err(|error| {
        let line = node.display_name();
        dev_err!(
            dev,
            "{line}: {name}: it is there and can't be read: {error:?}\n"
        );
    })
}

/// Which edges of the logical level give an event.
fn reported_edges(dev: &Device, node: &FwNode) -> Result<EdgeDetection> {
    let property = c_str!("mypoll,edge");
    if !node.property_present(property) {
        return Ok(EdgeDetection::Both);
    }
    for (word, edges) in [
        (c_str!("both"), EdgeDetection::Both),
        (c_str!("rising"), EdgeDetection::Rising),
        (c_str!("falling"), EdgeDetection::Falling),
    ] {
        match node.property_match_string(property, word) {
            Ok(0) => return Ok(edges),
            Err(ENOMEM) => return Err(ENOMEM),
            _ => {}
        }
    }
    dev_err!(
        dev,
        "{}: mypoll,edge: it has to be \"both\", \"rising\" or \"falling\"\n",
        node.display_name()
    );
    Err(EINVAL)
}

/// How contacts are debounced.
struct Debounce {
    /// How many milliseconds the line has to be quiet; 0 for not at all.
    ms: u32,
    /// Whether the driver does it, since the chip can't.
    by_driver: bool,
}

impl Debounce {
    /// Has contacts debounced as `node` asks.
    fn set_up(dev: &Device, node: &FwNode, input: &Input) -> Result<Self> {
        let ms = property(dev, node, c_str!("debounce-interval"))?.unwrap_or(0u32);
        let Some(us) = ms.checked_mul(1000) else {
            dev_err!(
                dev,
                "{}: debounce-interval: {ms} ms is too long, {} ms is the longest\n",
                node.display_name(),
                u32::MAX / 1000
            );
            return Err(EINVAL);
        };
        let by_driver = ms != 0 && input.set_debounce(us).is_err();
        Ok(Self { ms, by_driver })
    }
}

/// Has the line wake the machine if `node` asks for that; that it can't is no reason to go without
/// the line.
fn wakeup(
    dev: &Device<Bound>,
    node: &FwNode,
    irq: u32,
) -> Result<Option<Pin<KBox<WakeupInterrupt>>>> {
    if !node.property_read_bool(c_str!("wakeup-source")) {
        return Ok(None);
    }
    if let Err(error) = wakeup::try_irq(irq) {
        dev_warn!(
            dev,
            "{}: wakeup-source: this line's chip can't wake the machine: {error:?}\n",
            node.display_name()
        );
        return Ok(None);
    }
    WakeupInterrupt::new(dev, irq).map(Some)
}

/// The number that `node` asks for, if it does.
fn number(dev: &Device, node: &FwNode) -> Result<Option<u32>> {
    let reg: Option<u32> = property(dev, node, c_str!("reg"))?;
    if let Some(number) = reg.filter(|number| *number > NUMBER_MAX) {
        dev_err!(
            dev,
            "{}: reg: {number} is too high, {NUMBER_MAX} is the highest\n",
            node.display_name()
        );
        return Err(EINVAL);
    }
    Ok(reg)
}
