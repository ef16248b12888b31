// SPDX-License-Identifier: GPL-2.0-only

//! The platform driver: a `mypoll,events` node of the device tree, each child of which is a GPIO
//! line.

use crate::{
    abstractions::global,
    line::Line, //
};
use kernel::{
    c_str,
    device::{
        Bound,
        Device, //
    },
    of,
    prelude::*, //
};

kernel::of_device_table!(
    OF_TABLE,
    MODULE_OF_TABLE,
    (),
    [(of::DeviceId::new(c_str!("mypoll,events")), ())]
);

/// The lines of a bound device. `compat` makes it a `platform::Driver`.
pub(crate) struct Lines {
    _lines: KVec<Line>,
}

impl Lines {
    /// The nodes that the driver is for.
    pub(crate) const OF_TABLE: of::IdTable<()> = &OF_TABLE;

    /// Sets up the lines that the children of the node of `dev` describe. What is wrong goes to the
    /// log.
    pub(crate) fn new(dev: &Device<Bound>) -> Result<Self> {
        let hub = global::hub()?;
        let mut lines = KVec::new();
        for node in dev.fwnode().ok_or(ENODEV)?.children() {
            let line = Line::new(&hub, dev, &node)?;
            lines.push(line, GFP_KERNEL)?;
        }
        if lines.is_empty() {
            dev_err!(
                dev,
                "no line: each takes a child node with a 'gpios' property\n"
            );
            return Err(EINVAL);
        }
        // All or none, and only now: a probe that fails or is deferred, and those may be many, is to
        // leave no trace in programs' queues.
        for line in &lines {
            line.begin()?;
        }
        for line in &lines {
            line.list();
        }
        Ok(Self { _lines: lines })
    }
}
