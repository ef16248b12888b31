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
    line_table::{
        LineNumber,
        NUMBER_MAX, //
    },
};
use kernel::{
    c_str,
    device::{
        property::FwNode,
        Device, //
    },
    prelude::*,
    str::{
        CStr,
        CString, //
    },
    sync::Arc,
    time::Delta, //
};

/// A line whose edges become events until it is dropped.
pub(crate) struct Line {
    _interrupt: EdgeInterrupt<OneShot<Edges>>,
}

impl Line {
    /// Sets up the line that `node`, a child of the node of `dev`, describes. What is wrong with it
    /// goes to the log.
    pub(crate) fn new(hub: &Arc<Hub>, dev: &Device, node: &FwNode) -> Result<Self> {
        let name = node.display_name();
        let label = match node.property_read::<CString>(c_str!("label")).optional() {
            Some(label) => label,
            None => CString::try_from_fmt(fmt!("{name}"))?,
        };

        let input = Input::get(node, &label).inspect_err(|error| {
            if *error != EPROBE_DEFER {
                dev_err!(dev, "{name}: gpios: can't be had: {error:?}\n");
            }
        })?;
        let irq = input.irq().inspect_err(|error| {
            dev_err!(
                dev,
                "{name}: gpios: this line has no interrupt: {error:?}\n"
            );
        })?;
        let quiet = debounce(dev, node, &input)?;
        let number = number(hub, dev, node, &label)?;
        let edges = Arc::pin_init(
            OneShot::new(Edges::new(hub.clone(), number, input, quiet)),
            GFP_KERNEL,
        )?;
        let interrupt = EdgeInterrupt::request(irq, label, edges.clone()).inspect_err(|error| {
            dev_err!(dev, "{name}: interrupt {irq} can't be had: {error:?}\n");
        })?;
        edges.begin(interrupt.is_nested())?;
        Ok(Self {
            _interrupt: interrupt,
        })
    }
}

/// Has contacts debounced as `node` asks. The result is how long the driver itself has to wait for
/// the line to be quiet; nothing where the chip does it.
fn debounce(dev: &Device, node: &FwNode, input: &Input) -> Result<Option<Delta>> {
    let ms = node
        .property_read::<u32>(c_str!("debounce-interval"))
        .or_default();
    let Some(us) = ms.checked_mul(1000) else {
        dev_err!(
            dev,
            "{}: debounce-interval: {ms} ms is too long, {} ms is the longest\n",
            node.display_name(),
            u32::MAX / 1000
        );
        return Err(EINVAL);
    };
    if ms == 0 || input.set_debounce(us).is_ok() {
        return Ok(None);
    }
    Ok(Some(Delta::from_millis(ms.into())))
}

/// The number that `node` asks for, or else the lowest that is free.
fn number(hub: &Arc<Hub>, dev: &Device, node: &FwNode, label: &CStr) -> Result<LineNumber> {
    let name = node.display_name();
    let reg = node.property_read::<u32>(c_str!("reg")).optional();
    if let Some(number) = reg.filter(|number| *number > NUMBER_MAX) {
        dev_err!(
            dev,
            "{name}: reg: {number} is too high, {NUMBER_MAX} is the highest\n"
        );
        return Err(EINVAL);
    }
    LineNumber::take(hub, reg, label).inspect_err(|error| {
        dev_err!(dev, "{name}: reg: this number can't be had: {error:?}\n");
    })
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
