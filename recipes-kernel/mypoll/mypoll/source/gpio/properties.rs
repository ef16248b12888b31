// SPDX-License-Identifier: GPL-2.0-only

//! The properties of a line, as in devicetree/bindings/misc/mypoll,events.yaml.

use super::{
    label::Label,
    table::NUMBER_MAX, //
};
use crate::kernel_ext::{
    device::node_name,
    gpio::Input,
    interrupt::EdgeDetection, //
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
    }, //
};

/// Where a line is described.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In a child node of its device.
    Firmware,
    /// In the software node of its device, and in a lookup table.
    LineDevice {
        /// The number that it had when its device was last bound.
        last_number: Option<u32>,
    },
}

/// The node that describes a line. Errors are logged.
pub(crate) struct Node<'a> {
    pub(crate) dev: &'a Device<Bound>,
    fwnode: &'a FwNode,
    origin: Origin,
    /// Its name in the log.
    name: CString,
}

impl<'a> Node<'a> {
    /// Uses `fwnode` as the description of a line of `dev`.
    pub(crate) fn new(dev: &'a Device<Bound>, fwnode: &'a FwNode, origin: Origin) -> Result<Self> {
        let name = match origin {
            Origin::Firmware => node_name(fwnode)?,
            Origin::LineDevice { .. } => fwnode.property_read(c_str!("label")).required_by(dev)?,
        };
        Ok(Self {
            dev,
            fwnode,
            origin,
            name,
        })
    }

    /// Returns the name of the node, for the log.
    pub(crate) fn name(&self) -> &CStr {
        &self.name
    }

    /// Returns the label, by default the name of the node.
    pub(crate) fn label(&self) -> Result<Label> {
        let label = self.property::<CString>(c_str!("label"))?;
        Label::new(label.as_ref().unwrap_or(&self.name).to_bytes()).inspect_err(|error| {
            if *error == EINVAL {
                dev_err!(
                    self.dev,
                    "{}: label: must be 1 to 255 bytes without '/' and control characters, and \
                    neither \".\" nor \"..\"\n",
                    self.name()
                );
            }
        })
    }

    /// Requests the line.
    pub(crate) fn input(&self, label: &Label) -> Result<Input> {
        match self.origin {
            Origin::Firmware => Input::get(self.dev, self.fwnode, label.as_c_str()),
            Origin::LineDevice { .. } => Input::get_from_lookup(self.dev, label.as_c_str()),
        }
        .inspect_err(|error| match *error {
            EPROBE_DEFER => {}
            EBUSY => dev_err!(
                self.dev,
                "{}: gpios: line in use by another driver or program\n",
                self.name()
            ),
            error => dev_err!(
                self.dev,
                "{}: gpios: failed to request line: {error:?}\n",
                self.name()
            ),
        })
    }

    /// Returns which edges of the logical level are reported.
    pub(crate) fn reported_edges(&self) -> Result<EdgeDetection> {
        let property = c_str!("mypoll,edge");
        if !self.fwnode.property_present(property) {
            return Ok(EdgeDetection::Both);
        }
        for (word, edges) in [
            (c_str!("both"), EdgeDetection::Both),
            (c_str!("rising"), EdgeDetection::Rising),
            (c_str!("falling"), EdgeDetection::Falling),
        ] {
            match self.fwnode.property_match_string(property, word) {
                Ok(0) => return Ok(edges),
                Err(ENOMEM) => return Err(ENOMEM),
                _ => {}
            }
        }
        dev_err!(
            self.dev,
            "{}: mypoll,edge: must be \"both\", \"rising\" or \"falling\"\n",
            self.name()
        );
        Err(EINVAL)
    }

    /// Returns the debounce time in milliseconds, 0 by default, and in microseconds.
    pub(crate) fn debounce_interval(&self) -> Result<(u32, u32)> {
        let ms = self.property(c_str!("debounce-interval"))?.unwrap_or(0u32);
        let us = ms.checked_mul(1000).ok_or(EINVAL).inspect_err(|_| {
            dev_err!(
                self.dev,
                "{}: debounce-interval: {ms} ms is too long, maximum is {} ms\n",
                self.name(),
                u32::MAX / 1000
            );
        })?;
        Ok((ms, us))
    }

    /// Returns whether the line must wake the machine.
    pub(crate) fn wakeup_source(&self) -> bool {
        self.fwnode.property_read_bool(c_str!("wakeup-source"))
    }

    /// Returns the requested number.
    pub(crate) fn number(&self) -> Result<Option<u32>> {
        let reg: Option<u32> = self.property(c_str!("reg"))?;
        if let Some(number) = reg.filter(|number| *number > NUMBER_MAX) {
            dev_err!(
                self.dev,
                "{}: reg: {number} is too high, maximum is {NUMBER_MAX}\n",
                self.name()
            );
            return Err(EINVAL);
        }
        Ok(reg)
    }

    /// Returns the number to use if it is free and [`number`](Self::number) returns none.
    pub(crate) fn last_number(&self) -> Option<u32> {
        match self.origin {
            Origin::Firmware => None,
            Origin::LineDevice { last_number } => last_number,
        }
    }

    /// Reads a property, if it is present. A property that is present but unreadable is an error:
    /// ignoring it would change the meaning of the line.
    fn property<T: Property>(&self, property: &CStr) -> Result<Option<T>> {
        if !self.fwnode.property_present(property) {
            return Ok(None);
        }
        // This always logs that it is missing, whatever the error.
        let read = self.fwnode.property_read(property).required_by(self.dev);
        read.map(Some).inspect_err(|error| {
            dev_err!(
                self.dev,
                "{}: {property}: present but invalid: {error:?}\n",
                self.name()
            );
        })
    }
}
