// SPDX-License-Identifier: GPL-2.0-only

//! The platform driver. It binds to `mypoll,events` nodes of the device tree, whose children are
//! GPIO lines, and to the single-line devices of configfs.

use super::{
    line::Line,
    properties::{
        Node,
        Origin, //
    },
    Gpio,
    GPIO, //
};
use crate::{
    kernel_ext::{
        compat::platform_driver,
        line_device::ProbeStatus, //
    },
    uapi::{
        add_line,
        LineSet, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};

platform_driver! {
    driver: Lines,
    compatible: "mypoll,events",
    set_up: Lines::set_up,
}

/// The lines of a bound device.
pub(crate) struct Lines {
    gpio: Arc<Gpio>,
    dev: ARef<Device>,
    lines: KVec<Line>,
    /// Receives the probe's result for a single-line device.
    status: Option<Arc<ProbeStatus>>,
}

impl Lines {
    fn set_up(dev: &Device<Bound>) -> Result<Self> {
        let gpio = GPIO.get().ok_or(ENODEV)?;
        let status = ProbeStatus::of(dev);
        let lines = match &status {
            None => Self::of_children(&gpio, dev)?,
            Some(status) => {
                let line = Self::of_line_device(&gpio, dev, status.last_number());
                let number = line.as_ref().map(|(_, number)| *number);
                status.set(number.map_err(|error| *error));
                line?.0
            }
        };
        Ok(Self {
            gpio,
            dev: ARef::from(&**dev),
            lines,
            status,
        })
    }

    /// Sets up the line in the node of `dev`. Also returns its number.
    fn of_line_device(
        gpio: &Arc<Gpio>,
        dev: &Device<Bound>,
        last_number: Option<u32>,
    ) -> Result<(KVec<Line>, u32)> {
        let fwnode = dev.fwnode().ok_or(ENODEV)?;
        let node = Node::new(dev, fwnode, Origin::LineDevice { last_number })?;
        let line = Line::new(gpio, &node, &LineSet::default())?;
        let number = line.number();
        let mut lines = KVec::new();
        lines.push(line, GFP_KERNEL)?;
        Ok((Self::begin(lines)?, number))
    }

    /// Sets up the lines in the child nodes of `dev`. Errors are logged.
    fn of_children(gpio: &Arc<Gpio>, dev: &Device<Bound>) -> Result<KVec<Line>> {
        let fwnode = dev.fwnode().ok_or(ENODEV)?;
        let mut claimed = LineSet::default();
        for child in fwnode.children() {
            if let Some(number) = Node::new(dev, &child, Origin::Firmware)?.number()? {
                add_line(&mut claimed, number);
            }
        }
        let mut lines = KVec::new();
        for child in fwnode.children() {
            let node = Node::new(dev, &child, Origin::Firmware)?;
            lines.push(Line::new(gpio, &node, &claimed)?, GFP_KERNEL)?;
        }
        if lines.is_empty() {
            dev_err!(
                dev,
                "no lines: each needs a child node with a 'gpios' property\n"
            );
            return Err(EINVAL);
        }
        Self::begin(lines)
    }

    /// Shows all lines to programs, or none: probes that fail or are deferred, possibly many times,
    /// leave no trace in programs' queues.
    fn begin(lines: KVec<Line>) -> Result<KVec<Line>> {
        let mut levels = KVec::with_capacity(lines.len(), GFP_KERNEL)?;
        for line in &lines {
            levels.push(line.settle()?, GFP_KERNEL)?;
        }
        for (line, level) in lines.iter().zip(&levels) {
            line.begin(*level);
        }
        Ok(lines)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let leaving_chip = self.lines.iter().find_map(Line::leaving_chip);
        self.lines.clear();
        if let Some(status) = &self.status {
            status.set(Err(ENODEV));
        }
        if let Some(chip) = leaving_chip {
            if let Err(error) = self.gpio.reprobe_queue.reprobe(&self.dev, &chip) {
                dev_err!(
                    self.dev,
                    "lines will not come back with their chip: {error:?}\n"
                );
            }
        }
    }
}
