// SPDX-License-Identifier: GPL-2.0-only

//! The platform driver. It binds to `mypoll,events` nodes of the device tree, each child of which is
//! a GPIO line, and to the devices of single lines from configfs.

use super::{
    line::Line,
    properties::{
        Node,
        Origin, //
    },
    GPIO, //
};
use crate::kernel_ext::{
    compat::platform_driver,
    line_device::{
        self,
        ProbeStatus, //
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
    lines: KVec<Line>,
    own_device: Option<OwnDevice>,
}

/// The device of a single line.
struct OwnDevice {
    dev: ARef<Device>,
    status: Arc<ProbeStatus>,
}

impl Lines {
    fn set_up(dev: &Device<Bound>) -> Result<Self> {
        let Some(status) = ProbeStatus::of(dev) else {
            return Ok(Self {
                lines: Self::of_children(dev)?,
                own_device: None,
            });
        };
        let result = Self::of_line_device(dev, status.last_number());
        let first = |lines: &KVec<Line>| lines.first().map(Line::number).ok_or(ENODEV);
        status.set(result.as_ref().map_err(|error| *error).and_then(first));
        Ok(Self {
            lines: result?,
            own_device: Some(OwnDevice {
                dev: ARef::from(&**dev),
                status,
            }),
        })
    }

    /// Sets up the line that the node of `dev` describes.
    fn of_line_device(dev: &Device<Bound>, last_number: Option<u32>) -> Result<KVec<Line>> {
        let fwnode = dev.fwnode().ok_or(ENODEV)?;
        let node = Node::new(dev, fwnode, Origin::LineDevice { last_number })?;
        let mut lines = KVec::new();
        lines.push(Line::new(&GPIO.get().ok_or(ENODEV)?, &node)?, GFP_KERNEL)?;
        Self::begin(lines)
    }

    /// Sets up the lines that the children of the node of `dev` describe. What is wrong goes to the
    /// log.
    fn of_children(dev: &Device<Bound>) -> Result<KVec<Line>> {
        let gpio = GPIO.get().ok_or(ENODEV)?;
        let mut lines = KVec::new();
        for child in dev.fwnode().ok_or(ENODEV)?.children() {
            let line = Line::new(&gpio, &Node::new(dev, &child, Origin::Firmware)?)?;
            lines.push(line, GFP_KERNEL)?;
        }
        if lines.is_empty() {
            dev_err!(
                dev,
                "no line: each takes a child node with a 'gpios' property\n"
            );
            return Err(EINVAL);
        }
        Self::begin(lines)
    }

    /// Shows all lines to programs, or none: a probe that fails or is deferred, and there may be
    /// many, leaves no trace in programs' queues.
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
        let chip_is_leaving = self.lines.iter().any(Line::chip_is_leaving);
        self.lines.clear();
        if let Some(OwnDevice { dev, status }) = &self.own_device {
            status.set(Err(ENODEV));
            if chip_is_leaving {
                line_device::reprobe(dev);
            }
        }
    }
}
